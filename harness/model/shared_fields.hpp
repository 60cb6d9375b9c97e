#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/model/definition.hpp"
#include "harness/model/yaml_reader.hpp"

/// Readers of the fields that more than one section of nestbox.yml has. Each gives nothing after a
/// mistake. `root`: where files must exist; empty: not looked up.
namespace nestbox {

std::optional<Bytes> read_memory(YamlReader& reader, const YamlNode& node);
std::optional<int> read_cores(YamlReader& reader, const YamlNode& node);
std::optional<NetworkAccess> read_network_access(YamlReader& reader, const YamlNode& node);

/// The name of one of `environments`.
std::optional<std::string> read_environment(YamlReader& reader, const YamlNode& node,
                                            const std::map<std::string, Environment>& environments);

/// `run`: an argv, or a text that `shell` is called with.
std::vector<std::string> read_command(YamlReader& reader, const YamlNode& node,
                                      std::vector<std::string> shell);

/// `copy`: {from, to}.
std::optional<CopyStep> read_copy(YamlReader& reader, const YamlNode& node,
                                  const std::filesystem::path& root);

/// Whether a file or folder to be copied lies beside the definition.
void check_copied(YamlReader& reader, const YamlNode& node, const std::string& source,
                  const std::filesystem::path& root);

}  // namespace nestbox
