#include "harness/env/world.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/own_address.hpp"
#include "harness/env/run_together.hpp"
#include "harness/env/world_files.hpp"

namespace nestbox {
namespace {

template <class Map>
auto& find_by_name(Map& map, const std::string& name, std::string_view what,
                   const Topology& topology) {
  const auto found = map.find(name);
  if (found != map.end())
    return found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : map)
    names.push_back(known);
  throw Error(ErrorCode::not_found,
              fmt::format("there is no {} '{}' in topology '{}'", what, name, topology.name),
              did_you_mean(name, names));
}

Identity identity_in(const Topology& topology, const TopologyMachine& machine) {
  Identity identity = fresh_identity(machine.name);
  for (const TopologyLink& link : machine.links) {
    InterfaceIdentity interface;
    interface.mac = link.mac;
    interface.addresses = link.addresses;
    interface.mtu = find_network(topology, link.network)->mtu;
    identity.interfaces.push_back(std::move(interface));
  }
  identity.hosts = host_entries(topology, machine.name);
  return identity;
}

/// Blocks until `event` has come about.
void await(const CancelSource& event, const std::string& what, Deadline deadline,
           const CancelToken& cancel) {
  const Wait wait = wait_readable(event.token().descriptor(), deadline, cancel);
  cancel.throw_if_cancelled();
  if (wait == Wait::timed_out)
    throw Error(ErrorCode::timeout, what + " took too long");
}

}  // namespace

World::World(WorldPlan plan, Deadline deadline, const CancelToken& cancel)
    : m_topology(plan.topology), m_environments(plan.environments), m_seed(plan.seed) {
  make_switches(plan);
  make_machines(plan, deadline, cancel);
  if (m_topology.any_network && m_topology.networks.empty())
    introduce(deadline, cancel);
  for (auto& [name, network] : m_networks)
    network->thaw();
}

World::~World() {
  std::vector<CancellableTask> ends;
  for (auto& [name, machine] : m_machines)
    ends.push_back([&machine = machine](const CancelToken&) { machine.reset(); });
  try {
    run_together(ends, {});
  } catch (const std::exception&) {
    // Too many threads: those that are left end one by one.
  }
}

void World::make_switches(const WorldPlan& plan) {
  for (const TopologyNetwork& network : m_topology.networks) {
    auto& made = m_networks[network.name];
    made = std::make_unique<VirtualSwitch>(
        VirtualSwitch::Options{.name = network.name, .seed = m_seed});
    if (plan.switch_states)
      made->restore(plan.switch_states->at(network.name));
  }
}

void World::make_machines(const WorldPlan& plan, Deadline deadline, const CancelToken& cancel) {
  std::map<std::string, CancelSource> made;
  for (const TopologyMachine& machine : m_topology.machines) {
    made.try_emplace(machine.name);
    m_machines.try_emplace(machine.name);
  }
  std::vector<CancellableTask> tasks;
  for (const TopologyMachine& machine : m_topology.machines)
    tasks.push_back([&](const CancelToken& stop) {
      if (!plan.switch_states)
        for (const std::string& former : machine.after)
          await(made.at(former), fmt::format("waiting for machine '{}'", former), deadline, stop);
      m_machines.at(machine.name) = make_machine(plan, machine, deadline, stop);
      made.at(machine.name).cancel();
    });
  run_together(tasks, cancel);
}

std::unique_ptr<Machine> World::make_machine(const WorldPlan& plan, const TopologyMachine& machine,
                                             Deadline deadline, const CancelToken& cancel) {
  std::vector<FileDescriptor> cables;
  for (const TopologyLink& link : machine.links) {
    VirtualSwitch& network = *m_networks.at(link.network);
    cables.push_back(network.plug(machine.name));
    if (!plan.switch_states)
      network.set_impairment(machine.name, find_network(m_topology, link.network)->impair);
  }
  MachineOptions options;
  options.name = plan.run_name + "-" + machine.name;
  options.isolation = plan.isolation;
  options.identity = identity_in(m_topology, machine);
  for (const FileDescriptor& cable : cables)
    options.cables.push_back(cable.get());
  try {
    if (plan.save_directory) {
      options.save_directory = saved_machine_directory(*plan.save_directory, machine.name);
      fs::create_directories(*options.save_directory);
    }
    return plan.make(machine, options, deadline, cancel);
  } catch (const Error& error) {
    throw error.during(
        fmt::format("making machine '{}' of topology '{}'", machine.name, m_topology.name));
  }
}

/// Where the driver's own network joins the machines it is the machines who know their addresses.
void World::introduce(Deadline deadline, const CancelToken& cancel) {
  std::vector<CancellableTask> questions;
  std::vector<CancellableTask> answers;
  for (TopologyMachine& machine : m_topology.machines) {
    Machine& made = *m_machines.at(machine.name);
    questions.push_back([&, deadline](const CancelToken& stop) {
      machine.links = {{"lan", {own_address(made, deadline, stop)}, {}}};
    });
    answers.push_back([&, deadline](const CancelToken&) {
      Identity identity = fresh_identity(machine.name);
      identity.hosts = host_entries(m_topology, machine.name);
      made.transport().thaw(identity, deadline);
    });
  }
  run_together(questions, cancel);
  run_together(answers, cancel);
}

Machine& World::machine(const std::string& name) const {
  if (m_beside.second && name == m_beside.first)
    return *m_beside.second;
  return *find_by_name(m_machines, name, "machine", m_topology);
}

VirtualSwitch& World::network(const std::string& name) const {
  return *find_by_name(m_networks, name, "network", m_topology);
}

const Environment& World::environment(const std::string& machine) const {
  return find_by_name(m_environments, machine, "machine", m_topology);
}

void World::on_end(const std::function<void(const std::string& machine, Condition)>& handler) {
  for (const auto& [name, machine] : m_machines)
    if (handler)
      machine->on_end([handler, name = name](Condition how) { handler(name, how); });
    else
      machine->on_end({});
}

}  // namespace nestbox
