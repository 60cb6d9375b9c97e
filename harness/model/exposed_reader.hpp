#pragma once

#include <map>
#include <string>

#include "harness/model/exposed_variable.hpp"
#include "harness/model/topology.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// Reads `expose` of a test with these machines: VARIABLE: TEXT, or VARIABLE: {each: TEXT,
/// join: SEPARATOR}.
std::map<std::string, ExposedVariable> read_exposed(YamlReader& reader, const YamlNode& section,
                                                    const Topology& world);

}  // namespace nestbox
