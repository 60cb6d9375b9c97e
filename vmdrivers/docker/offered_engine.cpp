#include "vmdrivers/docker/offered_engine.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"

namespace nestbox::docker {
namespace {

constexpr std::string_view k_prefix = "nestbox-docker-";

/// The path of a socket has room for so much of its owner.
std::string directory_prefix() {
  const Owner owner = this_owner();
  return fmt::format("{}{}-{}", k_prefix, owner.process, owner.start_time);
}

template <class Number>
bool read_number(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  return std::from_chars(text.data(), end, number).ptr == end && !text.empty();
}

/// Of such a directory of this user's, when there is one; of this boot, for want of another word.
std::optional<Owner> owner_of(const fs::path& directory) {
  const std::string name = directory.filename();
  struct stat status {};
  if (!name.starts_with(k_prefix) || ::lstat(directory.c_str(), &status) != 0
      || !S_ISDIR(status.st_mode) || (::getuid() != 0 && status.st_uid != ::getuid()))
    return std::nullopt;
  Owner owner = this_owner();
  owner.user = status.st_uid;
  const std::vector<std::string> parts = split(name.substr(k_prefix.size()), '-');
  if (parts.size() < 2 || !read_number(parts[0], owner.process)
      || !read_number(parts[1], owner.start_time))
    return std::nullopt;
  return owner;
}

}  // namespace

OfferedEngine::OfferedEngine(Engine& engine, Scope scope)
    : m_directory(std::in_place, directory_prefix()), m_path(m_directory->path() / "docker.sock"),
      m_socket(engine, std::move(scope), m_path) {}

std::vector<Leftover> reap_offered_engines(bool dry_run) {
  std::vector<Leftover> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::temp_directory_path())) {
    const std::optional<Owner> owner = owner_of(entry.path());
    if (!owner || state_of(*owner) == OwnerState::alive)
      continue;
    leftovers.push_back({.what = fmt::format("directory '{}'", printable(entry.path().string())),
                         .owner = to_string(*owner)});
    if (!dry_run)
      remove_tree(entry.path());
  }
  return leftovers;
}

}  // namespace nestbox::docker
