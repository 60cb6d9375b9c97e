#include "harness/guest/tree_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/guest/tree_records.hpp"
#include "harness/guest/tree_writer.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_extent_header = 12;
constexpr std::size_t k_max_extent = 64 * 1024;
constexpr std::size_t k_max_depth = 256;

}  // namespace

std::size_t TreeReader::read(char* out, std::size_t size) {
  std::size_t count = 0;
  while (count < size && m_error.empty()) {
    if (m_taken < m_ready.size()) {
      const std::size_t part = std::min(size - count, m_ready.size() - m_taken);
      std::memcpy(out + count, m_ready.data() + m_taken, part);
      m_taken += part;
      count += part;
      continue;
    }
    m_ready.clear();
    m_taken = 0;
    if (m_ended || !(m_file ? read_extent(size - count) : next_record()))
      break;
  }
  return m_error.empty() ? count : 0;
}

/// False at the end of the stream or on failure.
bool TreeReader::next_record() {
  if (!m_source(m_path)) {
    m_ready = k_tree_end;
    m_ended = true;
    return true;
  }
  if (!is_inside_path(m_path) || m_path.size() > k_max_tree_path) {
    m_error = "cannot copy '" + m_path + "': it is no path inside the tree";
    return false;
  }
  return open_entry(m_path);
}

bool TreeReader::odd(const std::string& path, std::string_view why) {
  if (m_odd == Odd::skip)
    return true;
  m_error = "cannot read '" + path + "': " + std::string(why);
  return false;
}

bool TreeReader::open_entry(const std::string& path) {
  const SplitPath split = split_path(path);
  const int directory = m_cursor.enter(split.directory);
  if (directory < 0)
    return odd(path, strerrordesc_np(-directory));
  const std::string name(split.name);
  struct stat status;
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return odd(path, strerrordesc_np(errno));
  if (S_ISDIR(status.st_mode)) {
    m_ready = tree_record('d', status.st_mode, path);
    return true;
  }
  if (S_ISLNK(status.st_mode)) {
    char target[k_max_tree_path + 1];
    const ssize_t length = readlinkat(directory, name.c_str(), target, sizeof target);
    if (length <= 0 || length > static_cast<ssize_t>(k_max_tree_path))
      return odd(path, "its target cannot be read");
    m_ready = tree_symlink(path, {target, static_cast<std::size_t>(length)});
    return true;
  }
  if (!S_ISREG(status.st_mode))
    return odd(path, "it is neither file, directory nor symlink");
  FileDescriptor file(
      openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return odd(path, strerrordesc_np(errno));
  m_file = std::move(file);
  m_offset = 0;
  m_sparse = status.st_blocks * 512 < status.st_size;
  m_ready = tree_record('f', status.st_mode, path);
  return true;
}

bool TreeReader::read_extent(std::size_t room) {
  if (m_sparse) {
    const off_t data = lseek(m_file.get(), static_cast<off_t>(m_offset), SEEK_DATA);
    if (data >= 0) {
      m_offset = static_cast<std::uint64_t>(data);
    } else if (errno == ENXIO) {  // nothing but a hole is left
      const off_t end = lseek(m_file.get(), 0, SEEK_END);
      m_offset = std::max(m_offset, static_cast<std::uint64_t>(std::max<off_t>(end, 0)));
    }
  }
  std::size_t wanted = std::clamp<std::size_t>(room, 4096, k_max_extent) - k_extent_header;
  if (m_sparse) {
    const off_t hole = lseek(m_file.get(), static_cast<off_t>(m_offset), SEEK_HOLE);
    if (hole > static_cast<off_t>(m_offset))
      wanted =
          std::min(wanted, static_cast<std::size_t>(hole) - static_cast<std::size_t>(m_offset));
  }
  m_ready.resize(k_extent_header + wanted);
  const ssize_t count =
      pread(m_file.get(), m_ready.data() + k_extent_header, wanted, static_cast<off_t>(m_offset));
  if (count < 0) {
    m_error = "cannot read '" + m_path + "': " + strerrordesc_np(errno);
    return false;
  }
  const auto length = static_cast<std::uint32_t>(count);
  m_ready.resize(k_extent_header + length);
  m_ready.replace(0, k_extent_header, tree_extent(m_offset, length));
  m_offset += length;
  if (length == 0)
    m_file.close();
  return true;
}

TreeWalk::TreeWalk(FileDescriptor root) {
  descend(root.get(), ".");
}

void TreeWalk::descend(int parent, const char* name) {
  if (m_levels.size() == k_max_depth)
    return;
  const int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0)
    return;
  if (DIR* directory = fdopendir(descriptor))
    m_levels.push_back({std::unique_ptr<DIR, CloseDirectory>(directory), m_path.size()});
  else
    close(descriptor);
}

bool TreeWalk::next(std::string& path) {
  while (!m_levels.empty()) {
    Level& level = m_levels.back();
    m_path.resize(level.path_size);
    const dirent* entry = readdir(level.directory.get());
    if (!entry) {
      m_levels.pop_back();
      continue;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..")
      continue;
    if (!m_path.empty())
      m_path += '/';
    path = m_path.append(name);
    if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
      descend(dirfd(level.directory.get()), entry->d_name);
    return true;
  }
  return false;
}

}  // namespace nestbox
