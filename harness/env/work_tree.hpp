#pragma once

#include <filesystem>
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

}  // namespace nestbox
