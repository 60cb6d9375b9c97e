#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/definition.hpp"
#include "harness/model/definition_loader.hpp"

namespace nestbox {

/// True for a name that says "I am a test": `test.sh`, `test_*.sh`, `test-*.sh`, `*_test.sh`,
/// `*-test.sh`, `*.test.sh`, and the same with `.ps1`, `.cmd` or `.bat`; `*.t`; for `executable`
/// files also `test_*` and `*_test` without a suffix.
bool is_test_file_name(std::string_view name, bool executable);

/// The test files below `folder`, relative to `root`, sorted. What git ignores, `.git`, hidden
/// folders and folders with a nestbox.yml of their own are left out; symlinks only count when they
/// lead to a file within `root`. Both paths canonical. Throws Error(io).
std::vector<std::string> find_test_files(const std::filesystem::path& root,
                                         const std::filesystem::path& folder);

/// One test a file, in the given order. Reads at most 4 KiB of each, on all cores when there are
/// many. `command` is the file itself when it can be started, else its interpreter (`#!`, or
/// /bin/sh) and the file.
tl::expected<std::vector<Test>, DefinitionErrors>
load_scripts(const std::filesystem::path& root, const std::vector<std::string>& files,
             const Definition& definition);

}  // namespace nestbox
