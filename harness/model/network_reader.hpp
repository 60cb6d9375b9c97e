#pragma once

#include <string>
#include <vector>

#include "harness/model/address_pool.hpp"
#include "harness/model/topology.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// Reads the networks of one topology and who stands on them, and gives out the addresses.
class NetworksReader {
public:
  explicit NetworksReader(YamlReader& reader) : m_reader(reader) {}

  /// `networks` of the topology; the first to be called.
  void read(const YamlNode& section);

  /// Instead: one network 'lan' that nobody has written, on which every machine stands.
  void imply();

  /// `networks` of the machine at `position`. Its addresses are those that were given, "" for each
  /// that is still to be found.
  std::vector<TopologyLink> read_links(const YamlNode& node, const std::string& machine,
                                       std::size_t position);

  /// Its link when the network is implied.
  std::vector<TopologyLink> implied_links(const std::string& machine, std::size_t position);

  /// When every machine is read: moves the networks into the topology, and gives the machines the
  /// addresses that they lack, in the order written.
  void give_addresses(Topology& topology);

private:
  struct Network {
    TopologyNetwork value;
    const YamlNode* name = nullptr;
    const YamlNode* subnet = nullptr;
    std::vector<AddressPool> pools;  // one a subnet
  };

  Network read_network(const YamlNode& name, const YamlNode& body);
  std::vector<IpSubnet> read_subnets(const YamlNode& node);
  bool is_usable(const YamlNode& node, const IpSubnet& subnet);
  void choose_subnets();
  void check_overlaps();
  void check_ways_out(const Topology& topology);
  void read_mtu(const YamlNode& node, Network& network);
  std::optional<TopologyLink> read_link(const YamlNode& name, const YamlNode* wish,
                                        const std::string& machine, std::size_t position);
  void take_address(const YamlNode& node, Network& network, const std::string& machine,
                    TopologyLink& link);

  YamlReader& m_reader;
  YamlNode m_implied;
  std::vector<Network> m_networks;
  std::vector<std::vector<const YamlNode*>> m_links;  // of each machine, where they are written
};

}  // namespace nestbox
