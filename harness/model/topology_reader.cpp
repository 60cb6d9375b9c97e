#include "harness/model/topology_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/model/name_rules.hpp"
#include "harness/model/network_reader.hpp"
#include "harness/model/shared_fields.hpp"
#include "harness/model/step_reader.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_most_topologies = 1000;

/// Reads one topology.
class TopologyReader {
public:
  TopologyReader(YamlReader& reader, const std::map<std::string, Environment>& environments,
                 const std::string& usual_environment)
      : m_reader(reader), m_environments(environments), m_usual_environment(usual_environment) {}

  Topology read(const YamlNode& name, const YamlNode& body, const std::filesystem::path& root) {
    m_topology.name = name.scalar;
    m_topology.where = m_reader.source().place(name.offset);
    auto field = m_reader.fields(name.scalar, body, {"networks", "machines", "setup"});
    NetworksReader networks(m_reader);
    if (field[0])
      networks.read(*field[0]);
    if (field[1])
      read_machines(*field[1], networks);
    if ((!field[1] || is_empty(*field[1])) && knows_all(body, field))
      m_reader.mistake(name, "topology '" + printable(name.scalar) + "' has no machines",
                       "name them: 'machines: {a: {networks: [lan]}, …}'");
    networks.give_addresses(m_topology);
    check_order();
    if (field[2] && !m_topology.machines.empty())
      m_topology.setup = read_world_steps(m_reader, *field[2], StepsOf::setup, m_topology, root);
    return std::move(m_topology);
  }

  Topology read_of_test(const YamlNode& name, const YamlNode& section) {
    m_topology.name = name.scalar;
    m_topology.where = m_reader.source().place(name.offset);
    m_topology.any_network = true;
    NetworksReader networks(m_reader);
    networks.imply();
    if (is_empty(section))
      m_reader.mistake(section, "'machines' names none", "name them: 'machines: {a: {}, b: {}}'");
    read_machines(section, networks);
    networks.give_addresses(m_topology);
    return std::move(m_topology);
  }

private:
  static bool is_empty(const YamlNode& section) {
    return section.kind == YamlNode::Kind::nothing
           || (section.kind == YamlNode::Kind::mapping && section.children.empty());
  }

  void read_machines(const YamlNode& section, NetworksReader& networks) {
    std::vector<YamlReader::Entry> entries = m_reader.entries("machines", section);
    if (entries.size() > k_most_machines) {
      m_reader.mistake(*entries[k_most_machines].first,
                       fmt::format("a topology has at most {} machines", k_most_machines));
      entries.resize(k_most_machines);
    }
    for (auto [name, body] : entries) {
      if (!is_machine_name(name->scalar))
        m_reader.mistake(*name, "'" + printable(name->scalar) + "' cannot name a machine",
                         "use lower-case letters, digits and '-', a letter first, at most 63; "
                         "'host' and 'localhost' are taken");
      m_topology.machines.push_back(read_machine(*name, *body, networks));
    }
  }

  TopologyMachine read_machine(const YamlNode& name, const YamlNode& body,
                               NetworksReader& networks) {
    TopologyMachine machine;
    machine.name = name.scalar;
    machine.where = m_reader.source().place(name.offset);
    machine.environment = m_usual_environment;
    const std::size_t position = m_topology.machines.size();
    if (m_topology.any_network) {
      machine.user = "root";
      machine.links = networks.implied_links(machine.name, position);
      read_fields(
          m_reader.fields(name.scalar, body, {"environment", "memory", "cores", "network", "user"}),
          machine);
      return machine;
    }
    auto field =
        m_reader.fields(name.scalar, body,
                        {"environment", "memory", "cores", "network", "user", "networks", "after"});
    read_fields(field, machine);
    if (field[5])
      machine.links = networks.read_links(*field[5], machine.name, position);
    m_after.push_back(field[6]);
    return machine;
  }

  /// environment, memory, cores, network, user.
  void read_fields(const std::vector<const YamlNode*>& field, TopologyMachine& machine) {
    if (field[0])
      machine.environment =
          read_environment(m_reader, *field[0], m_environments).value_or(machine.environment);
    if (field[1])
      machine.memory = read_memory(m_reader, *field[1]);
    if (field[2])
      machine.cores = read_cores(m_reader, *field[2]);
    machine.network = m_environments.at(machine.environment).network;
    if (field[3])
      machine.network = read_network_access(m_reader, *field[3]).value_or(machine.network);
    if (field[4])
      read_user(*field[4], machine);
  }

  void read_user(const YamlNode& node, TopologyMachine& machine) {
    std::optional<std::string> name = m_reader.text("user", node);
    if (name && !is_user_name(*name))
      m_reader.mistake(node, "'" + printable(*name) + "' cannot name a user",
                       "use lower-case letters, digits, '_' and '-', a letter first, at most 32");
    machine.user = name.value_or(machine.user);
  }

  /// `after`, once every machine is known.
  void check_order() {
    std::vector<std::string> names;
    for (const TopologyMachine& machine : m_topology.machines)
      names.push_back(machine.name);
    for (std::size_t i = 0; i < m_topology.machines.size(); ++i) {
      if (!m_after[i])
        continue;
      for (auto& [node, other] : m_reader.words("after", *m_after[i])) {
        if (std::find(names.begin(), names.end(), other) == names.end())
          m_reader.mistake(*node, "unknown machine '" + printable(other) + "'",
                           suggestion(other, names, "known machines: "));
        else
          m_topology.machines[i].after.push_back(std::move(other));
      }
    }
    std::vector<std::size_t> path;
    std::vector<bool> done(names.size(), false);
    for (std::size_t i = 0; i < names.size(); ++i)
      follow(i, path, done);
  }

  /// Walks along `after` from machine `index`; reports the first circle that it closes.
  void follow(std::size_t index, std::vector<std::size_t>& path, std::vector<bool>& done) {
    auto on_path = std::find(path.begin(), path.end(), index);
    if (on_path != path.end()) {
      report_circle({on_path, path.end()});
      return;
    }
    if (done[index])
      return;
    path.push_back(index);
    for (const std::string& other : m_topology.machines[index].after)
      follow(static_cast<std::size_t>(find_machine(m_topology, other) - m_topology.machines.data()),
             path, done);
    path.pop_back();
    done[index] = true;
  }

  void report_circle(std::vector<std::size_t> circle) {
    std::rotate(circle.begin(), std::min_element(circle.begin(), circle.end()), circle.end());
    circle.push_back(circle.front());
    std::vector<std::string> names;
    for (std::size_t index : circle)
      names.push_back(m_topology.machines[index].name);
    m_reader.mistake(*m_after[circle.front()],
                     "machines wait for each other in a circle: '" + join(names, "' → '") + "'",
                     "let one of them start before the others");
  }

  YamlReader& m_reader;
  const std::map<std::string, Environment>& m_environments;
  const std::string& m_usual_environment;
  Topology m_topology;
  std::vector<const YamlNode*> m_after;  // of each machine
};

}  // namespace

Topology read_machines_of_test(YamlReader& reader, const YamlNode& test, const YamlNode& section,
                               const std::map<std::string, Environment>& environments,
                               const std::string& usual_environment) {
  return TopologyReader(reader, environments, usual_environment).read_of_test(test, section);
}

std::map<std::string, Topology>
read_topologies(YamlReader& reader, const YamlNode& section,
                const std::map<std::string, Environment>& environments,
                const std::string& usual_environment, const std::filesystem::path& root) {
  std::map<std::string, Topology> topologies;
  std::vector<YamlReader::Entry> entries = reader.entries("topologies", section);
  if (entries.size() > k_most_topologies) {
    reader.mistake(section, "more than 1000 topologies");
    return topologies;
  }
  for (auto [name, body] : entries) {
    if (!is_environment_name(name->scalar))
      reader.mistake(*name, "'" + printable(name->scalar) + "' cannot name a topology",
                     "use letters, digits, '.', '_' and '-', at most 64");
    topologies.emplace(
        name->scalar,
        TopologyReader(reader, environments, usual_environment).read(*name, *body, root));
  }
  return topologies;
}

}  // namespace nestbox
