#include "harness/model/shared_fields.hpp"

#include "harness/model/name_rules.hpp"

namespace nestbox {

namespace {

constexpr Bytes k_least_memory = mebibytes(64);
constexpr Bytes k_most_memory = gibibytes(1024);
constexpr int k_most_cores = 128;

}  // namespace

std::optional<Bytes> read_memory(YamlReader& reader, const YamlNode& node) {
  return reader.bytes("memory", node, k_least_memory, k_most_memory);
}

std::optional<int> read_cores(YamlReader& reader, const YamlNode& node) {
  return reader.integer("cores", node, 1, k_most_cores);
}

std::optional<NetworkAccess> read_network_access(YamlReader& reader, const YamlNode& node) {
  return reader.choice<NetworkAccess>(
      "network", node, {{"none", NetworkAccess::none}, {"user", NetworkAccess::user}});
}

std::optional<std::string>
read_environment(YamlReader& reader, const YamlNode& node,
                 const std::map<std::string, Environment>& environments) {
  std::optional<std::string> name = reader.text("environment", node);
  if (!name || environments.contains(*name))
    return name;
  std::vector<std::string> known;
  for (const auto& [candidate, environment] : environments)
    known.push_back(candidate);
  reader.mistake(node, "unknown environment '" + printable(*name) + "'",
                 suggestion(*name, known, "known environments: "));
  return {};
}

std::vector<std::string> read_command(YamlReader& reader, const YamlNode& node,
                                      std::vector<std::string> shell) {
  if (node.kind != YamlNode::Kind::sequence) {
    std::optional<std::string> script = reader.text("run", node);
    if (!script)
      return {};
    shell.push_back(std::move(*script));
    return shell;
  }
  if (node.children.empty())
    reader.mistake(node, "'run' is an empty list", "name a program first, then its arguments");
  std::vector<std::string> command;
  for (const YamlNode* item : reader.items("run", node).value_or(std::vector<const YamlNode*>{}))
    if (item->kind == YamlNode::Kind::text && item->scalar.empty() && !command.empty())
      command.emplace_back();
    else if (std::optional<std::string> argument = reader.text("run", *item))
      command.push_back(std::move(*argument));
  return command;
}

std::optional<CopyStep> read_copy(YamlReader& reader, const YamlNode& node,
                                  const std::filesystem::path& root) {
  auto field = reader.fields("copy", node, {"from", "to"});
  if (node.kind == YamlNode::Kind::mapping && (!field[0] || !field[1])) {
    reader.mistake(node, std::string("'copy' lacks '") + (field[0] ? "to" : "from") + "'",
                   "write 'copy: {from: file or folder, to: /path/in/the/machine}'");
    return {};
  }
  if (node.kind != YamlNode::Kind::mapping)
    return {};
  std::optional<std::string> source = reader.text("from", *field[0]);
  std::optional<std::string> destination = reader.text("to", *field[1]);
  if (source)
    check_copied(reader, *field[0], *source, root);
  if (destination && !is_machine_path(*destination))
    reader.mistake(*field[1],
                   "'" + printable(*destination) + "' must be an absolute path without '..'");
  if (!source || !destination)
    return {};
  return CopyStep{std::move(*source), std::move(*destination)};
}

void check_copied(YamlReader& reader, const YamlNode& node, const std::string& source,
                  const std::filesystem::path& root) {
  if (!is_source_path(source))
    reader.mistake(node, "'" + printable(source) + "' leaves the definition's directory",
                   "name a file or a folder beside it, relative and without '..'");
  else if (!root.empty() && !std::filesystem::exists(root / source))
    reader.mistake(node,
                   "no file or folder '" + printable(source) + "' in the definition's directory");
}

}  // namespace nestbox
