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
  return std::tie(m.name, m.environment, m.links, m.after, m.memory, m.cores, m.network, m.user);
}

auto identity(const Topology& t) {
  return std::tie(t.name, t.networks, t.machines, t.setup, t.any_network);
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

/// One without links when there is no such machine.
const TopologyMachine& viewer_in(const Topology& topology, std::string_view name) {
  static const TopologyMachine k_nowhere;
  const TopologyMachine* found = find_machine(topology, name);
  return found ? *found : k_nowhere;
}

std::string without_prefix(const std::string& address) {
  return address.substr(0, address.find('/'));
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
  std::vector<std::string> lines;
  for (const TopologyMachine& machine : topology.machines) {
    const TopologyLink* nearest = nearest_link(machine, viewer_in(topology, viewer));
    for (const TopologyLink& link : machine.links)
      for (const std::string& address : link.addresses)
        lines.push_back(fmt::format("{} {}{}.{}", without_prefix(address),
                                    &link == nearest ? machine.name + " " : "", machine.name,
                                    link.network));
  }
  return lines;
}

std::string address_of(const Topology& topology, std::string_view machine,
                       std::string_view viewer) {
  const TopologyMachine* found = find_machine(topology, machine);
  const TopologyLink* nearest = found ? nearest_link(*found, viewer_in(topology, viewer)) : nullptr;
  return nearest && !nearest->addresses.empty() ? without_prefix(nearest->addresses.front()) : "";
}

Topology without_networks(Topology topology) {
  topology.networks.clear();
  for (TopologyMachine& machine : topology.machines) {
    machine.links.clear();
    machine.network = NetworkAccess::user;
  }
  return topology;
}

std::string device_mac(std::size_t network, std::size_t machine) {
  return fmt::format("52:54:00:00:{:02x}:{:02x}", network + 1, machine + 1);
}

}  // namespace nestbox
