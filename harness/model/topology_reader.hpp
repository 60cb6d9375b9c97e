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

/// Reads `machines` of a test: a topology of its own that bears its name, all machines on one
/// network, entered over ssh by root unless they say otherwise. `test` is where that name stands.
Topology read_machines_of_test(YamlReader& reader, const YamlNode& test, const YamlNode& section,
                               const std::map<std::string, Environment>& environments,
                               const std::string& usual_environment);

}  // namespace nestbox
