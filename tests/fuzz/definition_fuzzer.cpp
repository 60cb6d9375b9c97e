#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "harness/model/definition_loader.hpp"
#include "harness/model/verb_parser.hpp"

using namespace nestbox;

namespace {

void check(bool holds) {
  if (!holds)
    std::abort();
}

// A refusal names at least one mistake, each of the right kind, in the order of the text, and can
// be shown.
void check_refusal(const DefinitionErrors& refusal) {
  check(!refusal.errors.empty());
  for (std::size_t i = 0; i < refusal.errors.size(); ++i) {
    const Error& error = refusal.errors[i];
    check(error.code == ErrorCode::definition && error.where && error.where->line > 0
          && error.where->column > 0);
    check(i == 0 || refusal.errors[i - 1].where->line <= error.where->line);
    check(!error.render().empty());
  }
}

// Every step can be printed, and what is printed is the same step.
void check_steps(const std::vector<WorldStep>& steps, const Topology& topology) {
  for (const WorldStep& step : steps)
    check(to_string(parse_verb(verb_words(step.verb), &topology)) == to_string(step.verb));
}

// Every address is given once, and every name leads somewhere.
void check_topology(const Topology& topology, const Definition& definition) {
  std::set<std::string> given;
  check(!topology.machines.empty() && topology.machines.size() <= k_most_machines
        && topology.networks.size() <= k_most_networks);
  for (const TopologyMachine& machine : topology.machines) {
    check(definition.environments.contains(machine.environment));
    for (const std::string& other : machine.after)
      check(find_machine(topology, other) != nullptr && other != machine.name);
    for (const TopologyLink& link : machine.links) {
      const TopologyNetwork* network = find_network(topology, link.network);
      check(network != nullptr && link.addresses.size() == network->subnets.size());
      check(given.insert(link.mac).second);
      for (const std::string& address : link.addresses)
        check(given.insert(address).second);
    }
  }
  check_steps(topology.setup, topology);
}

void check_test(const Test& test, const Definition& definition) {
  check(definition.environments.contains(test.environment));
  check(test.command.empty() != test.steps.empty());
  check(test.steps.empty() || test.topology);
  if (!test.topology) {
    check(test.from.empty());
    return;
  }
  const Topology& topology = definition.topologies.at(*test.topology);
  check(test.command.empty() ? test.from.empty()
                             : test.from == k_from_host || find_machine(topology, test.from));
  check_steps(test.steps, topology);
}

void check_definition(const Definition& definition) {
  for (const auto& [name, topology] : definition.topologies)
    check_topology(topology, definition);
  for (const Test& test : definition.tests)
    check_test(test, definition);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto definition = load_definition(text, "nestbox.yml");
  if (!definition)
    check_refusal(definition.error());
  else
    check_definition(*definition);

  Definition around = definition.value_or(Definition());
  auto script = load_script_header(text, "test.sh", around);
  if (!script)
    check_refusal(script.error());
  else
    check_test(*script, around);
  return 0;
}
