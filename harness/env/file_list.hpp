#pragma once

#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// Every regular file and symlink below `directory`, and the directories that hold nothing,
/// relative to it and sorted;
/// `.git` left out. Throws Error(io) for what cannot be read, Error(usage) beyond a million.
std::vector<std::string> list_files(const fs::path& directory);

/// The same, each with `prefix` before it, added to `files` unsorted.
void list_files(const fs::path& directory, const std::string& prefix,
                std::vector<std::string>& files);

/// Adds one name; Error(usage) beyond a million.
void add_file(std::string name, std::vector<std::string>& files);

}  // namespace nestbox
