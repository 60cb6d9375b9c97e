#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/units.hpp"
#include "harness/model/network_access.hpp"
#include "harness/model/verb.hpp"
#include "harness/net/impairment.hpp"

/// A world of machines, as nestbox.yml says it: plain data, whole once loaded (addresses given out,
/// every name checked).
namespace nestbox {

inline constexpr std::size_t k_most_machines = 64;
inline constexpr std::size_t k_most_networks = 32;

struct TopologyNetwork {
  std::string name;
  std::vector<std::string> subnets;  ///< "10.90.0.0/24": one of IPv4, one of IPv6, or both
  Impairment impair;                 ///< of each link on it, from the start
  int mtu = 1500;                    ///< of each device on it
  std::optional<SourceLocation> where;

  bool operator==(const TopologyNetwork& other) const;  ///< all but `where`
};

/// One device of a machine.
struct TopologyLink {
  std::string network;
  std::vector<std::string> addresses;  ///< "10.90.0.1/24": one for each subnet of the network
  std::string mac;                     ///< "52:54:00:00:01:01"

  bool operator==(const TopologyLink&) const = default;
};

struct TopologyMachine {
  std::string name;
  std::string environment;
  std::vector<TopologyLink> links;              ///< in the order of its devices: eth0, eth1 …
  std::vector<std::string> after;               ///< machines that are up before this one is started
  std::optional<Bytes> memory;                  ///< instead of the environment's
  std::optional<int> cores;                     ///< instead of the environment's
  NetworkAccess network = NetworkAccess::none;  ///< its own or its environment's: one more device
  std::string user;  ///< who is let in over ssh while a test runs; empty: nobody
  std::optional<SourceLocation> where;

  bool operator==(const TopologyMachine& other) const;  ///< all but `where`
};

/// One thing done to a world. Paths of the caller's lie beside nestbox.yml when read, in the test's
/// output directory when written.
struct WorldStep {
  Verb verb;
  std::optional<SourceLocation> where;

  bool operator==(const WorldStep& other) const;  ///< all but `where`
};

struct Topology {
  std::string name;
  std::vector<TopologyNetwork> networks;  ///< in the order written, at most k_most_networks
  std::vector<TopologyMachine> machines;  ///< in the order written, 1 to k_most_machines
  std::vector<WorldStep> setup;           ///< done once, before the world is saved
  /// Its networks stand for any by which its machines reach each other: they are a test's own.
  bool any_network = false;
  std::optional<SourceLocation> where;

  bool operator==(const Topology& other) const;  ///< all but `where`
};

/// The machine or network of this name; nullptr: there is none.
const TopologyMachine* find_machine(const Topology& topology, std::string_view name);
const TopologyNetwork* find_network(const Topology& topology, std::string_view name);

/// The lines of /etc/hosts by which machine `viewer` finds every machine, itself included:
/// "10.90.0.1 a a.lan". `a.lan` is its address on that network; `a` is the one on the first network
/// (in the order of the viewer's devices) that both stand on, else its first.
std::vector<std::string> host_entries(const Topology& topology, std::string_view viewer);

/// The address by which machine `viewer` knows `machine`, as in host_entries; empty: it has none.
std::string address_of(const Topology& topology, std::string_view machine, std::string_view viewer);

/// A topology that any network will do for, as a driver makes it whose machines reach each other
/// without ours: no networks, each machine with its own way out.
Topology without_networks(Topology topology);

/// Locally administered, the same for the same two positions in any topology.
std::string device_mac(std::size_t network, std::size_t machine);

}  // namespace nestbox
