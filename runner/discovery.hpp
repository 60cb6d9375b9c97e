#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/env/work_tree.hpp"
#include "harness/model/definition.hpp"
#include "harness/model/definition_loader.hpp"

namespace nestbox {

/// Everything that could run from one place, and how its environments are made.
struct Suite {
  std::filesystem::path root;  ///< where commands start and copy steps look: nestbox.yml's directory, else the git top, else cwd
  Definition definition;       ///< the built-in environments when there is no nestbox.yml
  std::vector<Test> tests;     ///< nestbox.yml's, then discovered scripts, by path
};

/// What the user named on the command line.
struct DiscoveryRequest {
  std::filesystem::path directory;         ///< usually the current one
  std::vector<std::string> paths;          ///< scripts, folders, `test name`s of nestbox.yml; none: all of nestbox.yml, or the scripts found
  std::vector<std::string> command;        ///< after `--`: one test named by the command itself
};

/// Finds nestbox.yml upwards from `directory` (not beyond the git top), scripts by the given paths: a named file is a
/// test whatever its name; in a folder those named `test.sh`, `test_*.sh`, `test-*.sh`, `*_test.sh`, `*-test.sh`,
/// `*.test.sh`, executable files `test_*`/`*_test` without a suffix, kselftest-like `*.t`. Script headers are read.
/// Error(not_found) with "did you mean" for a path or name that is not there.
tl::expected<Suite, DefinitionErrors> discover(const DiscoveryRequest& request);

}  // namespace nestbox
