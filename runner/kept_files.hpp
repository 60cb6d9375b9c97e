#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nestbox {

/// Every file, symlink and empty directory below `root`, relative to it; nothing when it is absent.
std::vector<std::string> files_below(const std::filesystem::path& root);

/// Moves the files below `from` to the same places below `into`, each by rename, so that runs side
/// by side may do it at once; the newer file wins. Both are on one filesystem.
void merge_tree(const std::filesystem::path& from, const std::filesystem::path& into);

}  // namespace nestbox
