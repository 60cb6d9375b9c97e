#include "harness/model/settings_text.hpp"

#include "harness/base/filesystem.hpp"

namespace nestbox {

std::optional<std::string> load_settings_text(const fs::path& file) {
  if (!fs::exists(file))
    return std::nullopt;
  return read_file(file, mebibytes(1));
}

void read_document(std::string_view text, const std::string& file,
                   const std::function<void(YamlReader&, const YamlNode&)>& read) {
  const SourceText source(text, file);
  std::vector<Error> mistakes;
  const std::optional<YamlNode> document = parse_yaml(source, mistakes);
  YamlReader reader(source, std::move(mistakes));
  if (document)
    read(reader, *document);
  if (reader.any_mistake())
    throw reader.take_mistakes().front();
}

}  // namespace nestbox
