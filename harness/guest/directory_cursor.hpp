#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"

namespace nestbox {

/// A relative path with no empty, "." or ".." part and no NUL byte: one that cannot leave its root
/// by its words.
bool is_inside_path(std::string_view path);

/// Opens directories below one root by relative path, never through a symlink. The directories on
/// the way to the last one stay open, so that paths in tree order cost one openat(2) a directory.
class DirectoryCursor {
public:
  enum class Missing { fail, create };

  DirectoryCursor(FileDescriptor root, Missing missing)
      : m_root(std::move(root)), m_missing(missing) {}

  /// A descriptor of `directory` (empty: the root), valid until the next call; a negative errno
  /// when there is none. ENAMETOOLONG beyond 256 levels, which bounds the descriptors in use.
  int enter(std::string_view directory);

private:
  struct Level {
    std::string name;
    FileDescriptor descriptor;
  };
  FileDescriptor m_root;
  Missing m_missing;
  std::vector<Level> m_levels;
};

/// "a/b" and "c" of "a/b/c"; an empty directory for a path of one part.
struct SplitPath {
  std::string_view directory;
  std::string_view name;
};
SplitPath split_path(std::string_view path);

}  // namespace nestbox
