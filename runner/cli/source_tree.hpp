#pragma once

#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/env/work_tree.hpp"
#include "harness/model/definition.hpp"

namespace nestbox {

/// The disks that environments boot from, beside nestbox.yml.
std::vector<std::string> own_disks(const Definition& definition);

/// What each machine gets a copy of: the work tree that contains `root`, but for `disks` (from
/// there), which are large and of no use to a test. Throws what read_work_tree does.
WorkTree source_tree(const fs::path& root, const std::vector<std::string>& disks, bool all_files);

}  // namespace nestbox
