#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/result.hpp"

namespace nestbox {

/// The files of a source tree that a test is to see, relative to `root`, sorted; directories only
/// where empty ones were asked for (outside git, or `all_files`).
struct WorkTree {
  std::filesystem::path root;  ///< the git work tree's top, or the given directory outside git
  std::vector<std::string> files;
  std::string revision;  ///< HEAD's commit id ("" outside git), with "-dirty" when the tree differs
};

/// Reads the work tree that contains `directory` through libgit2: tracked and untracked files,
/// ignored ones left out unless `all_files`; submodules as the files they hold. Outside git every
/// file counts.
WorkTree read_work_tree(const std::filesystem::path& directory, bool all_files);

/// Says of single paths whether git leaves them out, without reading the whole tree. One thread.
class IgnoreRules {
public:
  /// Of the work tree that contains `directory`; outside git nothing is ignored.
  explicit IgnoreRules(const std::filesystem::path& directory);
  ~IgnoreRules();

  /// `path` is absolute and without symlinks on its way. What is tracked (or holds something that
  /// is) is never ignored.
  bool ignores(const std::filesystem::path& path, bool is_directory) const;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace nestbox
