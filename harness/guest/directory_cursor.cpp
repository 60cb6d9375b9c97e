#include "harness/guest/directory_cursor.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace nestbox {

namespace {

constexpr std::size_t k_max_depth = 256;

std::string_view next_part(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view part = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return part;
}

}  // namespace

bool is_inside_path(std::string_view path) {
  if (path.empty() || path.back() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  while (!path.empty()) {
    const std::string_view part = next_part(path);
    if (part.empty() || part == "." || part == "..")
      return false;
  }
  return true;
}

SplitPath split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos)
    return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

int DirectoryCursor::enter(std::string_view directory) {
  std::size_t depth = 0;
  while (!directory.empty() && depth < m_levels.size()) {
    std::string_view rest = directory;
    if (next_part(rest) != m_levels[depth].name)
      break;
    directory = rest;
    ++depth;
  }
  m_levels.resize(depth);
  while (!directory.empty()) {
    if (m_levels.size() == k_max_depth)
      return -ENAMETOOLONG;
    std::string name(next_part(directory));
    const int parent = m_levels.empty() ? m_root.get() : m_levels.back().descriptor.get();
    constexpr int k_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    FileDescriptor descriptor(openat(parent, name.c_str(), k_flags));
    if (!descriptor && errno == ENOENT && m_missing == Missing::create) {
      if (mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST)
        return -errno;
      descriptor = FileDescriptor(openat(parent, name.c_str(), k_flags));
    }
    if (!descriptor)
      return -errno;
    m_levels.push_back({std::move(name), std::move(descriptor)});
  }
  return m_levels.empty() ? m_root.get() : m_levels.back().descriptor.get();
}

}  // namespace nestbox
