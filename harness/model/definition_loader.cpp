#include "harness/model/definition_loader.hpp"

#include "harness/base/filesystem.hpp"
#include "harness/model/environment_reader.hpp"
#include "harness/model/marker_word.hpp"
#include "harness/model/test_reader.hpp"
#include "harness/model/topology_reader.hpp"

namespace nestbox {

namespace {

constexpr int k_version = 1;
constexpr std::string_view k_byte_order_mark = "\xef\xbb\xbf";

/// Looks ahead: reports nothing.
const YamlNode* find_value(const YamlNode& node, std::string_view key) {
  for (std::size_t i = 0; node.kind == YamlNode::Kind::mapping && i < node.children.size(); i += 2)
    if (node.children[i].is_scalar() && node.children[i].scalar == key)
      return &node.children[i + 1];
  return nullptr;
}

/// False when the text is in a language that this program does not know: nothing else can be said
/// of it then.
bool check_version(YamlReader& reader, const YamlNode& root) {
  const YamlNode* version = find_value(root, "version");
  if (!version) {
    reader.mistake(root, "'version' is missing", "begin with 'version: 1'");
    return true;
  }
  if (version->kind == YamlNode::Kind::plain && version->scalar == std::to_string(k_version))
    return true;
  reader.mistake(*version, "'version' must be the number 1, not " + describe(*version),
                 version->is_number() ? "a newer nestbox may know it" : "");
  return false;
}

std::vector<std::string> read_markers(YamlReader& reader, const YamlNode& section) {
  std::vector<std::string> markers;
  for (auto& [item, word] : reader.words("markers", section)) {
    if (is_marker(word))
      markers.push_back(std::move(word));
    else
      reader.mistake(*item, "'" + printable(word) + "' cannot be a marker",
                     "use one word that is none of and, or, not, True, False");
  }
  return markers;
}

Definition read_definition(YamlReader& reader, const YamlNode& root, const fs::path& directory) {
  Definition definition;
  if (root.kind == YamlNode::Kind::nothing) {
    reader.mistake(root, "the definition is empty", "begin with 'version: 1'");
    return definition;
  }
  if (root.kind == YamlNode::Kind::mapping && !check_version(reader, root))
    return definition;
  static const YamlNode k_absent;
  auto field =
      reader.fields("nestbox.yml", root,
                    {"version", "environments", "tests", "defaults", "markers", "topologies"});
  auto section = [&field](std::size_t index) -> const YamlNode& {
    return field[index] ? *field[index] : k_absent;
  };
  if (field[4])
    definition.markers = read_markers(reader, *field[4]);
  definition.environments = read_environments(reader, section(1), directory);
  // The defaults name a topology, whose machines have the environment that the defaults name.
  const YamlNode* usual = find_value(section(3), "environment");
  bool known = usual && usual->is_scalar() && definition.environments.contains(usual->scalar);
  definition.topologies =
      read_topologies(reader, section(5), definition.environments,
                      known ? usual->scalar : definition.defaults.environment, directory);
  TestReader tests(reader, definition, directory);
  definition.defaults = tests.defaults(section(3));
  definition.tests = tests.tests(section(2), definition.defaults);
  definition.topologies.merge(tests.take_worlds());
  return definition;
}

tl::expected<Definition, DefinitionErrors> load(std::string_view yaml, std::string_view file,
                                                const fs::path& directory) {
  if (yaml.starts_with(k_byte_order_mark))
    yaml.remove_prefix(k_byte_order_mark.size());
  SourceText source(yaml, std::string(file));
  std::vector<Error> mistakes;
  std::optional<YamlNode> root = parse_yaml(source, mistakes);
  if (!root)
    return tl::unexpected(DefinitionErrors{std::move(mistakes)});
  YamlReader reader(source, std::move(mistakes));
  Definition definition = read_definition(reader, *root, directory);
  if (reader.any_mistake())
    return tl::unexpected(DefinitionErrors{reader.take_mistakes()});
  return definition;
}

}  // namespace

tl::expected<Definition, DefinitionErrors> load_definition(std::string_view yaml,
                                                           std::string_view file) {
  return load(yaml, file, {});
}

tl::expected<Definition, DefinitionErrors> load_definition_file(const fs::path& path,
                                                                std::string_view shown) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return tl::unexpected(DefinitionErrors{
        {Error(ErrorCode::not_found, "no definition '" + printable(path.string()) + "'")}});
  Result<std::string> text = catch_error([&path] { return read_file(path); });
  if (!text)
    return tl::unexpected(DefinitionErrors{{std::move(text.error())}});
  fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return load(*text, shown.empty() ? path.string() : shown, directory);
}

}  // namespace nestbox
