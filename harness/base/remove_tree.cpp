#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// A tree may be deeper than descriptors or PATH_MAX reach, so no walk goes down it: every directory
// found inside one of the root's is first moved up, to lie beside it.
class Flattener {
public:
  explicit Flattener(FileDescriptor root) : m_root(std::move(root)) {}

  void run() noexcept {
    for (bool progress = true; progress;) {
      progress = false;
      for (const std::string& name : names_in(m_root.get()))
        progress |= remove(m_root.get(), name) || empty(name);
    }
  }

private:
  static bool remove(int parent, const std::string& name) {
    return ::unlinkat(parent, name.c_str(), 0) == 0
           || ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
  }

  // Only an O_PATH descriptor can be had of a directory without permissions, and only /proc changes
  // its mode.
  static FileDescriptor open_directory(int parent, const std::string& name) {
    constexpr int k_flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const FileDescriptor handle(::openat(parent, name.c_str(), k_flags | O_PATH));
    if (!handle)
      return {};
    ::chmod(("/proc/self/fd/" + std::to_string(handle.get())).c_str(), 0700);
    return FileDescriptor(::openat(parent, name.c_str(), k_flags | O_RDONLY));
  }

  static std::vector<std::string> names_in(int directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, CloseDirectory> stream(
        ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back(name);
    }
    return names;
  }

  // Empties and removes one directory of the root; false when nothing could be done.
  bool empty(const std::string& name) {
    const FileDescriptor directory = open_directory(m_root.get(), name);
    if (!directory)
      return false;
    bool progress = false;
    for (const std::string& child : names_in(directory.get()))
      progress |= remove(directory.get(), child) || move_up(directory.get(), child);
    return remove(m_root.get(), name) || progress;
  }

  bool move_up(int directory, const std::string& name) {
    // Moving a directory rewrites its `..`, which takes permission to write to it.
    if (!open_directory(directory, name))
      return false;
    const std::string moved = ".nestbox-removed-" + std::to_string(m_moved++);
    return ::renameat2(directory, name.c_str(), m_root.get(), moved.c_str(), RENAME_NOREPLACE) == 0;
  }

  FileDescriptor m_root;
  std::size_t m_moved = 0;
};

}  // namespace

void remove_tree(const fs::path& root) noexcept {
  if (root.empty() || ::unlink(root.c_str()) == 0)
    return;
  ::chmod(root.c_str(), 0700);
  FileDescriptor directory(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory)
    return;
  Flattener(std::move(directory)).run();
  ::rmdir(root.c_str());
}

}  // namespace nestbox
