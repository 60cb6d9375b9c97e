#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "harness/model/definition.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// Reads the `topologies` section, each whole: addresses given out, every name of its setup
/// checked. `usual_environment`: of machines that name none. `root`: where copied files must exist;
/// empty: not looked up.
std::map<std::string, Topology>
read_topologies(YamlReader& reader, const YamlNode& section,
                const std::map<std::string, Environment>& environments,
                const std::string& usual_environment, const std::filesystem::path& root);

}  // namespace nestbox
