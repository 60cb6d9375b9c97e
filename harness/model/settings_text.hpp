#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// The text of a file of settings (base/configuration.hpp), at most 1 MiB; nothing when there is no
/// such file. Throws Error(io).
std::optional<std::string> load_settings_text(const std::filesystem::path& file);

/// Has `read` take the settings off a text of YAML; `file` names it. Throws the first of its
/// mistakes, Error(definition), with its place.
void read_settings(std::string_view text, const std::string& file,
                   const std::function<void(YamlReader& reader, const YamlNode& document)>& read);

}  // namespace nestbox
