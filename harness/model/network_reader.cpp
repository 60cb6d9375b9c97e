#include "harness/model/network_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/model/name_rules.hpp"

namespace nestbox {

namespace {

constexpr int k_least_mtu = 576;        // RFC 791: what every host takes
constexpr int k_least_mtu_ipv6 = 1280;  // RFC 8200
constexpr int k_most_mtu = 9000;

// What cannot be a network of machines: this network, loopback, link-local, multicast and beyond.
constexpr std::array<const char*, 7> k_reserved = {
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8"};

// Where QEMU's user network puts the machine and its gateway.
constexpr std::array<const char*, 2> k_ways_out = {"10.0.2.0/24", "fec0::/64"};

constexpr const char* k_subnet_hint =
    "write it like 192.0.2.0/24 or fd00:90::/64, or one of each as a list";

}  // namespace

void NetworksReader::read(const YamlNode& section) {
  std::vector<YamlReader::Entry> entries = m_reader.entries("networks", section);
  if (entries.size() > k_most_networks) {
    m_reader.mistake(*entries[k_most_networks].first,
                     fmt::format("a topology has at most {} networks", k_most_networks));
    entries.resize(k_most_networks);
  }
  for (auto [name, body] : entries) {
    if (!is_network_name(name->scalar))
      m_reader.mistake(*name, "'" + printable(name->scalar) + "' cannot name a network",
                       "use lower-case letters, digits and '-', a letter first, at most 63");
    m_networks.push_back(read_network(*name, *body));
  }
  check_overlaps();
  choose_subnets();
}

void NetworksReader::imply() {
  m_implied.kind = YamlNode::Kind::plain;
  m_implied.scalar = "lan";
  m_networks.push_back(read_network(m_implied, {}));
  choose_subnets();
}

NetworksReader::Network NetworksReader::read_network(const YamlNode& name, const YamlNode& body) {
  Network network;
  network.name = &name;
  network.value.name = name.scalar;
  network.value.where = m_reader.source().place(name.offset);
  auto field = m_reader.fields(name.scalar, body, {"subnet", "impair", "mtu"});
  network.subnet = field[0];
  if (field[0])
    for (const IpSubnet& subnet : read_subnets(*field[0]))
      network.pools.emplace_back(subnet);
  if (field[1])
    if (std::optional<std::string> text = m_reader.text("impair", *field[1])) {
      Result<Impairment> impairment = catch_error([&text] { return parse_impairment(*text); });
      if (impairment)
        network.value.impair = *impairment;
      else
        m_reader.mistake(*field[1], impairment.error().message, impairment.error().hint);
    }
  if (field[2])
    read_mtu(*field[2], network);
  return network;
}

std::vector<IpSubnet> NetworksReader::read_subnets(const YamlNode& node) {
  std::vector<IpSubnet> subnets;
  std::vector<const YamlNode*> items{&node};
  if (node.kind == YamlNode::Kind::sequence)
    items = m_reader.items("subnet", node).value_or(std::vector<const YamlNode*>{});
  if (items.empty() && node.children.empty())
    m_reader.mistake(node, "'subnet' is an empty list", k_subnet_hint);
  for (const YamlNode* item : items) {
    std::optional<std::string> text = m_reader.text("subnet", *item);
    if (!text)
      continue;
    std::optional<IpSubnet> subnet = parse_ip_subnet(*text);
    if (!subnet) {
      m_reader.mistake(*item, "'" + printable(*text) + "' is no subnet", k_subnet_hint);
      continue;
    }
    bool again = std::any_of(subnets.begin(), subnets.end(), [&](const IpSubnet& other) {
      return other.address.version == subnet->address.version;
    });
    if (again)
      m_reader.mistake(*item, fmt::format("a second subnet of IPv{}", subnet->address.version),
                       "a network has one of IPv4, one of IPv6, or one of each");
    else if (is_usable(*item, *subnet))
      subnets.push_back(*subnet);
  }
  std::sort(subnets.begin(), subnets.end(), [](const IpSubnet& a, const IpSubnet& b) {
    return a.address.version < b.address.version;
  });
  return subnets;
}

bool NetworksReader::is_usable(const YamlNode& node, const IpSubnet& subnet) {
  std::string name = "'" + to_string(subnet) + "'";
  int least = subnet.address.version == 4 ? 8 : 16;
  int most = subnet.address.width() - 2;
  if (subnet.prefix < least || subnet.prefix > most) {
    m_reader.mistake(node,
                     fmt::format("the prefix of {} must be from {} to {}", name, least, most));
    return false;
  }
  if (subnet.address != subnet.first()) {
    m_reader.mistake(node, name + " has bits behind its prefix",
                     "did you mean '" + to_string(IpSubnet{subnet.first(), subnet.prefix}) + "'?");
    return false;
  }
  for (const char* reserved : k_reserved)
    if (parse_ip_subnet(reserved)->overlaps(subnet)) {
      m_reader.mistake(node, fmt::format("{} overlaps with {}, which is reserved", name, reserved),
                       "use a private one, such as 10.90.0.0/24 or fd00:90::/64");
      return false;
    }
  return true;
}

void NetworksReader::read_mtu(const YamlNode& node, Network& network) {
  bool ipv6 = std::any_of(network.pools.begin(), network.pools.end(), [](const AddressPool& pool) {
    return pool.subnet().address.version == 6;
  });
  network.value.mtu =
      m_reader.integer("mtu", node, ipv6 ? k_least_mtu_ipv6 : k_least_mtu, k_most_mtu)
          .value_or(network.value.mtu);
}

void NetworksReader::check_overlaps() {
  for (auto network = m_networks.begin(); network != m_networks.end(); ++network)
    for (const AddressPool& pool : network->pools)
      for (auto other = m_networks.begin(); other != network; ++other)
        for (const AddressPool& other_pool : other->pools)
          if (pool.subnet().overlaps(other_pool.subnet()))
            m_reader.mistake(*network->subnet,
                             fmt::format("{} overlaps with {} of network '{}'",
                                         to_string(pool.subnet()), to_string(other_pool.subnet()),
                                         other->value.name));
}

void NetworksReader::choose_subnets() {
  std::vector<IpSubnet> taken;
  for (const Network& network : m_networks)
    for (const AddressPool& pool : network.pools)
      taken.push_back(pool.subnet());
  for (std::size_t i = 0; i < m_networks.size(); ++i) {
    Network& network = m_networks[i];
    if (network.subnet)
      continue;
    if (std::optional<IpSubnet> subnet = choose_subnet(i, taken)) {
      network.pools.emplace_back(*subnet);
      taken.push_back(*subnet);
    } else {
      m_reader.mistake(
          *network.name,
          fmt::format("no subnet within 10.90.0.0/16 is left for network '{}'", network.value.name),
          "give it one: {subnet: 192.0.2.0/24}");
    }
  }
}

std::vector<TopologyLink>
NetworksReader::read_links(const YamlNode& node, const std::string& machine, std::size_t position) {
  std::vector<std::pair<const YamlNode*, const YamlNode*>> wishes;
  if (node.kind == YamlNode::Kind::mapping)
    wishes = m_reader.entries("networks", node);
  else
    for (const auto& [item, name] : m_reader.words("networks", node))
      wishes.emplace_back(item, nullptr);
  std::vector<TopologyLink> links;
  m_links.resize(position + 1);
  for (auto [name, wish] : wishes)
    if (std::optional<TopologyLink> link = read_link(*name, wish, machine, position)) {
      links.push_back(std::move(*link));
      m_links[position].push_back(name);
    }
  return links;
}

std::vector<TopologyLink> NetworksReader::implied_links(const std::string& machine,
                                                        std::size_t position) {
  m_links.resize(position + 1);
  m_links[position] = {&m_implied};
  return {*read_link(m_implied, nullptr, machine, position)};
}

std::optional<TopologyLink> NetworksReader::read_link(const YamlNode& name, const YamlNode* wish,
                                                      const std::string& machine,
                                                      std::size_t position) {
  auto network = std::find_if(m_networks.begin(), m_networks.end(),
                              [&name](const Network& n) { return n.value.name == name.scalar; });
  if (network == m_networks.end()) {
    std::vector<std::string> names;
    for (const Network& known : m_networks)
      names.push_back(known.value.name);
    m_reader.mistake(name, "unknown network '" + printable(name.scalar) + "'",
                     names.empty() ? "name the topology's networks: 'networks: {lan: }'"
                                   : suggestion(name.scalar, names, "known networks: "));
    return {};
  }
  TopologyLink link{network->value.name, std::vector<std::string>(network->pools.size()),
                    device_mac(static_cast<std::size_t>(network - m_networks.begin()), position)};
  bool automatic = !wish || wish->kind == YamlNode::Kind::nothing
                   || (wish->is_scalar() && wish->scalar == "auto");
  if (automatic)
    return link;
  if (wish->kind != YamlNode::Kind::sequence)
    take_address(*wish, *network, machine, link);
  else
    for (const auto& [item, address] : m_reader.words(name.scalar, *wish))
      take_address(*item, *network, machine, link);
  return link;
}

void NetworksReader::take_address(const YamlNode& node, Network& network,
                                  const std::string& machine, TopologyLink& link) {
  std::optional<std::string> text = m_reader.text(network.value.name, node);
  if (!text)
    return;
  std::optional<IpAddress> address = parse_ip_address(*text);
  if (!address) {
    m_reader.mistake(node, "'" + printable(*text) + "' is no address",
                     "write it without a prefix, like 10.90.0.50 or fd00:90::50, or 'auto'");
    return;
  }
  for (std::size_t i = 0; i < network.pools.size(); ++i) {
    AddressPool& pool = network.pools[i];
    if (pool.subnet().address.version != address->version)
      continue;
    std::string reason = link.addresses[i].empty()
                             ? pool.take(*address, machine)
                             : "is a second one of its kind: a machine has one on a network";
    if (!reason.empty())
      m_reader.mistake(node, fmt::format("address '{}' {}", to_string(*address), reason));
    // Taken in any case, so that nothing more is said about it.
    link.addresses[i] = to_string(IpSubnet{*address, pool.subnet().prefix});
    return;
  }
  if (!network.pools.empty())
    m_reader.mistake(
        node,
        fmt::format("network '{}' has no subnet of IPv{}", network.value.name, address->version),
        address->version == 6 ? "give it both: {subnet: [10.90.0.0/24, fd00:90::/64]}" : "");
}

void NetworksReader::give_addresses(Topology& topology) {
  for (std::size_t i = 0; i < topology.machines.size(); ++i) {
    TopologyMachine& machine = topology.machines[i];
    for (std::size_t j = 0; j < machine.links.size(); ++j) {
      TopologyLink& link = machine.links[j];
      Network& network =
          *std::find_if(m_networks.begin(), m_networks.end(), [&link](const Network& candidate) {
            return candidate.value.name == link.network;
          });
      for (std::size_t k = 0; k < link.addresses.size(); ++k) {
        if (!link.addresses[k].empty())
          continue;
        AddressPool& pool = network.pools[k];
        if (std::optional<IpAddress> address = pool.take_next(machine.name))
          link.addresses[k] = to_string(IpSubnet{*address, pool.subnet().prefix});
        else
          m_reader.mistake(*m_links[i][j], fmt::format("no address of {} is left for machine '{}'",
                                                       to_string(pool.subnet()), machine.name));
      }
    }
  }
  check_ways_out(topology);
  for (Network& network : m_networks) {
    for (const AddressPool& pool : network.pools)
      network.value.subnets.push_back(to_string(pool.subnet()));
    topology.networks.push_back(std::move(network.value));
  }
}

void NetworksReader::check_ways_out(const Topology& topology) {
  for (const Network& network : m_networks)
    for (const AddressPool& pool : network.pools)
      for (const char* way_out : k_ways_out) {
        if (!parse_ip_subnet(way_out)->overlaps(pool.subnet()))
          continue;
        auto torn =
            std::find_if(topology.machines.begin(), topology.machines.end(),
                         [&](const TopologyMachine& machine) {
                           return machine.network == NetworkAccess::user
                                  && std::any_of(machine.links.begin(), machine.links.end(),
                                                 [&](const TopologyLink& link) {
                                                   return link.network == network.value.name;
                                                 });
                         });
        if (torn != topology.machines.end())
          m_reader.mistake(*network.subnet,
                           fmt::format("{} overlaps with {}, by which machine '{}' finds its way "
                                       "out ('network: user')",
                                       to_string(pool.subnet()), way_out, torn->name));
      }
}

}  // namespace nestbox
