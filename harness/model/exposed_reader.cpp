#include "harness/model/exposed_reader.hpp"

#include "harness/model/name_rules.hpp"

namespace nestbox {
namespace {

constexpr const char* k_hint = "write a text, or {each: TEXT, join: SEPARATOR}";

/// Nothing after a mistake.
std::optional<ExposedVariable> read_variable(YamlReader& reader, const YamlNode& name,
                                             const YamlNode& value) {
  if (value.is_scalar())
    return ExposedVariable{value.scalar};
  if (value.kind != YamlNode::Kind::mapping) {
    reader.mistake(
        value, "'" + name.scalar + "' must be a text or a mapping, not " + describe(value), k_hint);
    return {};
  }
  const auto field = reader.fields(name.scalar, value, {"each", "join"});
  if (!field[0] || !field[0]->is_scalar() || (field[1] && !field[1]->is_scalar())) {
    if (knows_all(value, field))
      reader.mistake(value, "'" + name.scalar + "' does not say what to write for each machine",
                     k_hint);
    return {};
  }
  return ExposedVariable{field[0]->scalar, field[1] ? field[1]->scalar : " "};
}

}  // namespace

std::map<std::string, ExposedVariable> read_exposed(YamlReader& reader, const YamlNode& section,
                                                    const Topology& world) {
  std::vector<std::string> machines;
  for (const TopologyMachine& machine : world.machines)
    machines.push_back(machine.name);
  std::map<std::string, ExposedVariable> variables;
  for (auto [name, value] : reader.entries("expose", section)) {
    if (!is_variable_name(name->scalar)) {
      reader.mistake(*name, "'" + printable(name->scalar) + "' cannot name a variable",
                     "use letters, digits and '_', not beginning with a digit");
      continue;
    }
    std::optional<ExposedVariable> variable = read_variable(reader, *name, *value);
    if (!variable)
      continue;
    if (const std::optional<Error> flaw = flaw_in(*variable, machines))
      reader.mistake(*value, flaw->message, flaw->hint);
    else if ((variable->text + variable->join.value_or("")).find('\0') != std::string::npos)
      reader.mistake(*value, "'" + name->scalar + "' holds a zero byte");
    else
      variables.emplace(name->scalar, std::move(*variable));
  }
  return variables;
}

}  // namespace nestbox
