#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "harness/model/definition.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// Reads the `environments` section: the built-in ones and those written, each whole (`from`
/// followed). `root`: where the sources of copy steps must exist; empty: not looked up.
std::map<std::string, Environment> read_environments(YamlReader& reader, const YamlNode& section,
                                                     const std::filesystem::path& root);

}  // namespace nestbox
