#pragma once

#include <filesystem>
#include <vector>

#include "harness/model/topology.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

enum class StepsOf {
  setup,  ///< of a topology: before it is saved
  test,
};

/// Reads a list of steps for a world of `topology`, whose machines and links are known by now.
/// `root`: where copied files must exist; empty: not looked up.
std::vector<WorldStep> read_world_steps(YamlReader& reader, const YamlNode& node, StepsOf of,
                                        const Topology& topology,
                                        const std::filesystem::path& root);

}  // namespace nestbox
