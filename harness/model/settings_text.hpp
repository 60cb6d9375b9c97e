#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// The text of a file of settings (base/configuration.hpp), at most 1 MiB; nothing when there is no
/// such file. Throws Error(io).
std::optional<std::string> load_settings_text(const std::filesystem::path& file);

/// Has `read` take something off a text of YAML, an empty one, too; `file` names it. Throws the
/// first of its mistakes, Error(definition), with its place.
void read_document(std::string_view text, const std::string& file,
                   const std::function<void(YamlReader& reader, const YamlNode& document)>& read);

/// The settings that a `Reader`, made from a YamlReader, reads off a text's document. Throws as
/// read_document.
template <class Reader>
auto read_settings(std::string_view text, const std::string& file) {
  decltype(std::declval<Reader&>().read(std::declval<const YamlNode&>())) settings;
  read_document(text, file, [&](YamlReader& reader, const YamlNode& document) {
    settings = Reader(reader).read(document);
  });
  return settings;
}

}  // namespace nestbox
