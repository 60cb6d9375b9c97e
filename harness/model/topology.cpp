#include "harness/model/topology.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace nestbox {

namespace {

auto identity(const TopologyNetwork& n) {
  return std::tie(n.name, n.subnets, n.impair, n.mtu);
}

auto identity(const TopologyMachine& m) {
  return std::tie(m.name, m.environment, m.links, m.after, m.memory, m.cores, m.network);
}

auto identity(const Topology& t) {
  return std::tie(t.name, t.networks, t.machines, t.setup);
}

const TopologyLink* link_on(const TopologyMachine& machine, std::string_view network) {
  for (const TopologyLink& link : machine.links)
    if (link.network == network)
      return &link;
  return nullptr;
}

/// The link by whose addresses `viewer` knows `machine`.
const TopologyLink* nearest_link(const TopologyMachine& machine, const TopologyMachine& viewer) {
  for (const TopologyLink& near : viewer.links)
    if (const TopologyLink* shared = link_on(machine, near.network))
      return shared;
  return machine.links.empty() ? nullptr : &machine.links.front();
}

}  // namespace

bool TopologyNetwork::operator==(const TopologyNetwork& other) const {
  return identity(*this) == identity(other);
}

bool TopologyMachine::operator==(const TopologyMachine& other) const {
  return identity(*this) == identity(other);
}

bool WorldStep::operator==(const WorldStep& other) const {
  return verb == other.verb;
}

bool Topology::operator==(const Topology& other) const {
  return identity(*this) == identity(other);
}

const TopologyMachine* find_machine(const Topology& topology, std::string_view name) {
  auto found =
      std::find_if(topology.machines.begin(), topology.machines.end(),
                   [name](const TopologyMachine& machine) { return machine.name == name; });
  return found == topology.machines.end() ? nullptr : &*found;
}

const TopologyNetwork* find_network(const Topology& topology, std::string_view name) {
  auto found =
      std::find_if(topology.networks.begin(), topology.networks.end(),
                   [name](const TopologyNetwork& network) { return network.name == name; });
  return found == topology.networks.end() ? nullptr : &*found;
}

std::vector<std::string> host_entries(const Topology& topology, std::string_view viewer) {
  static const TopologyMachine k_nowhere;
  const TopologyMachine* seen_from = find_machine(topology, viewer);
  std::vector<std::string> lines;
  for (const TopologyMachine& machine : topology.machines) {
    const TopologyLink* nearest = nearest_link(machine, seen_from ? *seen_from : k_nowhere);
    for (const TopologyLink& link : machine.links)
      for (const std::string& address : link.addresses)
        lines.push_back(fmt::format("{} {}{}.{}", address.substr(0, address.find('/')),
                                    &link == nearest ? machine.name + " " : "", machine.name,
                                    link.network));
  }
  return lines;
}

std::string device_mac(std::size_t network, std::size_t machine) {
  return fmt::format("52:54:00:00:{:02x}:{:02x}", network + 1, machine + 1);
}

}  // namespace nestbox
