#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/env/work_tree.hpp"
#include "harness/model/definition.hpp"
#include "harness/model/definition_loader.hpp"

namespace nestbox {

/// Everything that could run from one place, and how its environments are made.
struct Suite {
  /// Where commands start and copy steps look: nestbox.yml's directory, else the git top, else the
  /// directory asked for.
  std::filesystem::path root;
  Definition definition;    ///< the built-in environments when there is no nestbox.yml; its tests
                            ///< have moved to `tests`
  std::vector<Test> tests;  ///< nestbox.yml's in its order, then discovered scripts by path
};

/// What the user named on the command line.
struct DiscoveryRequest {
  std::filesystem::path directory;  ///< usually the current one
  std::vector<std::string> paths;  ///< scripts, folders, names of nestbox.yml's tests; none: all of
                                   ///< nestbox.yml, or the scripts found
  std::vector<std::string> command;  ///< after `--`: one test named by the command itself
};

/// Finds nestbox.yml upwards from `directory` (not beyond the git top; outside git, there only) and
/// the tests that `paths` name. A file named there is a test whatever its name; in a folder the
/// names of is_test_file_name count (runner/script_files). A script that nestbox.yml gives a test
/// (`script:`) stands for that test. Script headers are read. Error(not_found) with "did you mean"
/// for a path or name that is not there, Error(usage) for a path outside `root`.
tl::expected<Suite, DefinitionErrors> discover(const DiscoveryRequest& request);

/// The nestbox.yml that holds for `directory`.
std::optional<std::filesystem::path> find_definition(const std::filesystem::path& directory);

}  // namespace nestbox
