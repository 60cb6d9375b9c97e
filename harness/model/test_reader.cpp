#include "harness/model/test_reader.hpp"

#include <algorithm>

#include "harness/model/exposed_reader.hpp"
#include "harness/model/marker_word.hpp"
#include "harness/model/name_rules.hpp"
#include "harness/model/shared_fields.hpp"
#include "harness/model/step_reader.hpp"
#include "harness/model/topology_reader.hpp"
#include "harness/model/windows_words.hpp"

namespace nestbox {

namespace {

constexpr int k_most_repeats = 1'000'000;
constexpr int k_most_retries = 100;

std::size_t size_of(const Test& test) {
  std::size_t size = 0;
  for (const std::string& marker : test.markers)
    size += sizeof marker + marker.size();
  for (const auto& [name, value] : test.variables)
    size += 100 + name.size() + value.size();
  return size;
}

}  // namespace

TestReader::TestReader(YamlReader& reader, const Definition& definition, std::filesystem::path root)
    : m_reader(reader), m_definition(definition), m_root(std::move(root)) {
  if (!definition.markers.empty()) {
    m_markers.insert(definition.markers.begin(), definition.markers.end());
    m_markers.insert(builtin_markers().begin(), builtin_markers().end());
  }
}

Test TestReader::defaults(const YamlNode& section) {
  Test test;
  auto field = m_reader.fields("defaults", section,
                               {"environment", "topology", "from", "markers", "timeout",
                                "isolation", "env", "repeat", "retries"});
  common({field.begin() + 3, field.end()}, test);
  // The environment is that of tests without a topology, and of machines.
  if (field[0])
    environment(*field[0], test);
  Place where;
  where.topology = field[1];
  where.from = field[2];
  place(where, test);
  test.needs = {};  // a topology's, and not every test is to have one
  return test;
}

std::vector<Test> TestReader::tests(const YamlNode& section, const Test& defaults) {
  std::vector<YamlReader::Entry> entries = m_reader.entries("tests", section);
  std::vector<Test> result;
  result.reserve(entries.size());
  std::size_t inherited = size_of(defaults);
  for (auto [name, body] : entries) {
    if (!m_reader.charge(*name, inherited))
      break;
    result.push_back(test(*name, *body, defaults));
  }
  return result;
}

Test TestReader::test(const YamlNode& name, const YamlNode& body, const Test& defaults) {
  Test result = defaults;
  result.name = name.scalar;
  result.where = m_reader.source().place(name.offset);
  if (!is_test_name(name.scalar))
    m_reader.mistake(name, "'" + printable(name.scalar) + "' cannot name a test",
                     "use 1 to 200 printable characters, no '-' first, no space at the ends");
  if (body.is_scalar()) {
    command(body, result);
    return result;
  }
  if (body.kind == YamlNode::Kind::sequence) {
    m_reader.mistake(body, "a test must be a command or a mapping, not a list",
                     "write 'run: [program, argument]' within it");
    return result;
  }
  auto field = m_reader.fields(name.scalar, body,
                               {"run", "script", "steps", "environment", "topology", "machines",
                                "from", "expose", "markers", "timeout", "isolation", "env",
                                "repeat", "retries", "needs", "skip", "xfail"});
  const YamlNode *run = field[0], *file = field[1], *steps = field[2];
  common({field.begin() + 8, field.begin() + 14}, result);
  if (run)
    command(*run, result);
  if (file)
    script(*file, result);
  if (run && file)
    m_reader.mistake(*file, "'run' and 'script' exclude each other");
  if (steps && (run || file))
    m_reader.mistake(*steps, run ? "'run' and 'steps' exclude each other"
                                 : "'script' and 'steps' exclude each other");
  if (!run && !file && !steps && knows_all(body, field))
    m_reader.mistake(name, "test '" + printable(name.scalar) + "' has nothing to run",
                     field[4] && !field[5]
                         ? "give it 'run: command', 'script: path' or 'steps: […]'"
                         : "give it 'run: command' or 'script: path'");
  Place where{field[3], field[4], field[5], field[6], field[7], steps, nullptr, &name};
  if (field[14])
    where.machine_need = needs(*field[14], result.needs);
  result.needs.windows = result.needs.windows || is_windows_script(result.script);
  if (run && run->is_scalar() && result.needs.windows && !result.command.empty())
    result.command = powershell_argv(std::move(result.command.back()));
  place(where, result);
  if (field[15])
    result.skip = m_reader.text("skip", *field[15]);
  if (field[16])
    result.expected_failure = m_reader.text("xfail", *field[16]);
  return result;
}

void TestReader::place(const Place& place, Test& test) {
  if (place.environment && place.topology)
    m_reader.mistake(*place.environment, "'environment' and 'topology' exclude each other",
                     "each machine of a topology says its own environment");
  if (place.machines && place.topology)
    m_reader.mistake(*place.machines, "'machines' and 'topology' exclude each other",
                     "the machines of a topology stand in it");
  // What the test says itself stands in the place of the default.
  if (place.environment || place.topology || place.machines) {
    test.topology.reset();
    test.from.clear();
    test.container.reset();
  }
  if (place.environment)
    environment(*place.environment, test);
  if (place.topology)
    topology(*place.topology, test);
  else if (place.machines)
    machines(place, test);
  bool in_a_world = test.topology || place.topology;
  if (place.from && !in_a_world)
    m_reader.mistake(*place.from, "'from' says on which machine of a topology a script runs",
                     "name the topology, too: 'topology: …'");
  if (place.expose && !in_a_world)
    m_reader.mistake(*place.expose, "'expose' makes variables from machines",
                     "name them, too: 'machines: {a: {}, b: {}}'");
  if (place.steps && (!in_a_world || place.machines))
    m_reader.mistake(*place.steps, "'steps' are for the machines of a topology",
                     "name the topology, too: 'topology: …'");
  if (place.from && place.steps)
    m_reader.mistake(*place.from, "'from' and 'steps' exclude each other",
                     "each step says by 'on' where it runs");
  if (!test.topology)
    return;
  const auto own = m_worlds.find(*test.topology);
  const Topology& world =
      own != m_worlds.end() ? own->second : m_definition.topologies.at(*test.topology);
  if (!world.machines.empty())
    settle(place, world, test);
}

/// Once it is known in which world the test runs.
void TestReader::settle(const Place& place, const Topology& world, Test& test) {
  if (place.from)
    from(*place.from, world, test);
  else if (place.steps) {
    test.from.clear();
    test.container.reset();
  } else if (test.from.empty())
    test.from = world.any_network ? k_from_host : world.machines.front().name;
  if (place.expose)
    test.exposed = read_exposed(m_reader, *place.expose, world);
  if (place.steps && !world.any_network) {
    test.steps = read_world_steps(m_reader, *place.steps, StepsOf::test, world, m_root);
    if (place.steps->kind == YamlNode::Kind::sequence && place.steps->children.empty())
      m_reader.mistake(*place.steps, "'steps' is an empty list");
  }
  if (place.machine_need)
    m_reader.mistake(*place.machine_need,
                     world.any_network ? "a test with machines of its own cannot size them here"
                                       : "a test with a topology cannot size its machines",
                     world.any_network
                         ? "say memory, cores and network on the machines"
                         : "say memory, cores and network on the machines of topology '"
                               + world.name + "'");
  test.needs.machine = test.needs.machine || !world.any_network;
}

void TestReader::machines(const Place& place, Test& test) {
  if (m_definition.topologies.contains(test.name))
    m_reader.mistake(*place.name,
                     "test '" + printable(test.name)
                         + "' has machines of its own, and there is a topology of that name",
                     "call one of them otherwise");
  test.topology = test.name;
  m_worlds.insert_or_assign(test.name,
                            read_machines_of_test(m_reader, *place.name, *place.machines,
                                                  m_definition.environments, test.environment));
}

void TestReader::topology(const YamlNode& node, Test& test) {
  std::optional<std::string> name = m_reader.text("topology", node);
  if (name && m_definition.topologies.contains(*name)) {
    test.topology = std::move(*name);
  } else if (name) {
    std::vector<std::string> known;
    for (const auto& [candidate, topology] : m_definition.topologies)
      known.push_back(candidate);
    m_reader.mistake(node, "unknown topology '" + printable(*name) + "'",
                     known.empty() ? "describe it under 'topologies' of nestbox.yml"
                                   : suggestion(*name, known, "known topologies: "));
  }
}

void TestReader::from(const YamlNode& node, const Topology& world, Test& test) {
  if (node.kind == YamlNode::Kind::mapping)
    return container(node, test);
  std::optional<std::string> name = m_reader.text("from", node);
  if (!name)
    return;
  std::vector<std::string> known{k_from_host};
  for (const TopologyMachine& machine : world.machines)
    known.push_back(machine.name);
  if (std::find(known.begin(), known.end(), *name) == known.end())
    m_reader.mistake(node,
                     "'" + printable(*name) + "' is neither 'host' nor a machine of "
                         + (world.any_network ? "the test" : "topology '" + world.name + "'"),
                     suggestion(*name, known, "it can be "));
  test.from = std::move(*name);
  test.container.reset();
}

void TestReader::container(const YamlNode& node, Test& test) {
  auto field = m_reader.fields("from", node, {"container"});
  if (!field[0] && knows_all(node, field))
    m_reader.mistake(node, "'from' lacks 'container'",
                     "write 'from: {container: ENVIRONMENT}', 'host' or a machine's name");
  if (!field[0])
    return;
  test.from = k_from_host;
  test.container = read_environment(m_reader, *field[0], m_definition.environments);
}

void TestReader::common(const std::vector<const YamlNode*>& field, Test& test) {
  if (field[0])
    markers(*field[0], test);
  if (field[1])
    timeout(*field[1], test);
  if (field[2])
    isolation(*field[2], test);
  if (field[3])
    for (auto& [variable, value] : m_reader.variables("env", *field[3]))
      test.variables.insert_or_assign(variable, value);
  if (field[4])
    test.repeat = m_reader.integer("repeat", *field[4], 1, k_most_repeats).value_or(test.repeat);
  if (field[5])
    test.retries = m_reader.integer("retries", *field[5], 0, k_most_retries).value_or(test.retries);
}

void TestReader::command(const YamlNode& node, Test& test) {
  if (std::vector<std::string> command = read_command(m_reader, node, {"/bin/sh", "-c"});
      !command.empty())
    test.command = std::move(command);
}

void TestReader::script(const YamlNode& node, Test& test) {
  std::optional<std::string> path = m_reader.text("script", node);
  if (!path)
    return;
  if (!is_source_path(*path))
    m_reader.mistake(node, "'" + printable(*path) + "' leaves the definition's directory",
                     "name a file beside it, relative and without '..'");
  else if (!m_root.empty() && !std::filesystem::is_regular_file(m_root / *path))
    m_reader.mistake(node, "no file '" + printable(*path) + "' in the definition's directory");
  test.script = std::filesystem::path(*path).lexically_normal().string();
  test.command = {"./" + test.script};
}

/// The first of its fields that is about the size of a machine.
const YamlNode* TestReader::needs(const YamlNode& node, Needs& needs) {
  auto field = m_reader.fields(
      "needs", node,
      {"isolation", "nested", "network", "memory", "cores", "privileged", "docker", "windows"});
  if (field[0])
    needs_isolation(*field[0], needs);
  if (field[1])
    nested(*field[1], needs);
  if (field[2])
    network(*field[2], needs);
  if (field[3])
    memory(*field[3], needs);
  if (field[4])
    cores(*field[4], needs);
  if (field[5])
    privileged(*field[5], needs);
  if (field[6])
    docker(*field[6], needs);
  if (field[7])
    needs.windows = m_reader.boolean("windows", *field[7]).value_or(needs.windows);
  auto sizes = {field[2], field[3], field[4]};
  auto first = std::find_if(sizes.begin(), sizes.end(),
                            [](const YamlNode* size) { return size != nullptr; });
  return first == sizes.end() ? nullptr : *first;
}

void TestReader::environment(const YamlNode& node, Test& test) {
  test.environment =
      read_environment(m_reader, node, m_definition.environments).value_or(test.environment);
}

void TestReader::markers(const YamlNode& node, Test& test) {
  for (auto& [item, word] : m_reader.words("markers", node)) {
    if (!is_marker(word))
      m_reader.mistake(*item, "'" + printable(word) + "' cannot be a marker",
                       "use one word that is none of and, or, not, True, False");
    else if (!m_markers.empty() && !m_markers.contains(word))
      m_reader.mistake(
          *item, "unknown marker '" + word + "'",
          suggestion(word, {m_markers.begin(), m_markers.end()}, "registered markers: "));
    else if (std::find(test.markers.begin(), test.markers.end(), word) == test.markers.end())
      test.markers.push_back(std::move(word));
  }
}

void TestReader::timeout(const YamlNode& node, Test& test) {
  test.timeout = m_reader.duration("timeout", node).value_or(test.timeout);
}

void TestReader::isolation(const YamlNode& node, Test& test) {
  test.isolation = m_reader
                       .choice<Isolation>("isolation", node,
                                          {{"fork", Isolation::fork}, {"fresh", Isolation::fresh}})
                       .value_or(test.isolation);
}

void TestReader::needs_isolation(const YamlNode& node, Needs& needs) {
  const std::optional<bool> machine =
      m_reader.choice<bool>("isolation", node, {{"machine", true}, {"container", false}});
  needs.machine = machine.value_or(false);
  needs.container = !machine.value_or(true);
}

void TestReader::network(const YamlNode& node, Needs& needs) {
  needs.network = read_network_access(m_reader, node).value_or(needs.network);
}

void TestReader::memory(const YamlNode& node, Needs& needs) {
  needs.memory = read_memory(m_reader, node);
}

void TestReader::cores(const YamlNode& node, Needs& needs) {
  needs.cores = read_cores(m_reader, node);
}

void TestReader::nested(const YamlNode& node, Needs& needs) {
  needs.nested = m_reader.boolean("nested", node).value_or(needs.nested);
}

void TestReader::privileged(const YamlNode& node, Needs& needs) {
  needs.privileged = m_reader.boolean("privileged", node).value_or(needs.privileged);
}

void TestReader::docker(const YamlNode& node, Needs& needs) {
  needs.docker = m_reader.boolean("docker", node).value_or(needs.docker);
}

}  // namespace nestbox
