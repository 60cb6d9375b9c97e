#include "harness/env/net_listing.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using nlohmann::json;

constexpr int k_version = 1;

/// Calls `visit(machine, link)` for each link on the network.
template <class Visit>
void for_each_link(const World& world, const std::string& network, Visit visit) {
  for (const TopologyMachine& machine : world.topology().machines)
    for (const TopologyLink& link : machine.links)
      if (link.network == network)
        visit(machine, link);
}

std::string groups_text(const std::vector<std::vector<std::string>>& groups) {
  std::vector<std::string> texts;
  for (const std::vector<std::string>& group : groups)
    texts.push_back(join(group, ","));
  return join(texts, " | ");
}

const char* word_for(Condition condition) {
  switch (condition) {
  case Condition::running:
    return "running";
  case Condition::panicked:
    return "panicked";
  case Condition::stopped:
    return "stopped";
  case Condition::lost:
    break;
  }
  return "lost";
}

struct NamedCount {
  const char* name;
  std::uint64_t LinkCounters::*count;
};

constexpr NamedCount k_traffic[] = {
    {"frames_in", &LinkCounters::frames_in},
    {"bytes_in", &LinkCounters::bytes_in},
    {"frames_out", &LinkCounters::frames_out},
    {"bytes_out", &LinkCounters::bytes_out},
};

constexpr NamedCount k_events[] = {
    {"lost_down", &LinkCounters::lost_down},
    {"lost_partition", &LinkCounters::lost_partition},
    {"lost_loss", &LinkCounters::lost_loss},
    {"lost_mtu", &LinkCounters::lost_mtu},
    {"lost_queue", &LinkCounters::lost_queue},
    {"lost_backpressure", &LinkCounters::lost_backpressure},
    {"duplicated", &LinkCounters::duplicated},
    {"reordered", &LinkCounters::reordered},
    {"malformed", &LinkCounters::malformed},
    {"uncaptured", &LinkCounters::uncaptured},
};

std::string document(json body) {
  body["version"] = k_version;
  return body.dump(2) + "\n";
}

}  // namespace

std::string networks_text(const World& world) {
  std::string text;
  for (const TopologyNetwork& network : world.topology().networks) {
    const VirtualSwitch& made = world.network(network.name);
    text += fmt::format("{}  {}  mtu {}\n", network.name, join(network.subnets, " "), network.mtu);
    for_each_link(world, network.name,
                  [&](const TopologyMachine& machine, const TopologyLink& link) {
                    text += fmt::format("  {}  {}  {}\n", machine.name, join(link.addresses, " "),
                                        to_string(made.impairment(machine.name)));
                  });
    if (const auto groups = made.groups(); !groups.empty())
      text += fmt::format("  partition: {}\n", groups_text(groups));
  }
  return text;
}

std::string networks_json(const World& world) {
  json networks = json::array();
  for (const TopologyNetwork& network : world.topology().networks) {
    const VirtualSwitch& made = world.network(network.name);
    json links = json::array();
    for_each_link(world, network.name,
                  [&](const TopologyMachine& machine, const TopologyLink& link) {
                    links.push_back({{"machine", machine.name},
                                     {"mac", link.mac},
                                     {"addresses", link.addresses},
                                     {"impairment", to_string(made.impairment(machine.name))}});
                  });
    networks.push_back({{"name", network.name},
                        {"subnets", network.subnets},
                        {"mtu", network.mtu},
                        {"links", std::move(links)},
                        {"partition", made.groups()}});
  }
  return document({{"networks", std::move(networks)}});
}

std::string counters_text(const World& world) {
  std::string text;
  for (const TopologyNetwork& network : world.topology().networks) {
    for (const auto& [link, counters] : world.network(network.name).counters()) {
      text += fmt::format("{}@{}  in {} frames, {} bytes  out {} frames, {} bytes", link,
                          network.name, counters.frames_in, counters.bytes_in, counters.frames_out,
                          counters.bytes_out);
      for (const NamedCount& event : k_events)
        if (counters.*event.count != 0)
          text += fmt::format("  {} {}", event.name, counters.*event.count);
      text += counters.connected ? "\n" : "  gone\n";
    }
  }
  return text;
}

std::string counters_json(const World& world) {
  json links = json::array();
  for (const TopologyNetwork& network : world.topology().networks)
    for (const auto& [name, counters] : world.network(network.name).counters()) {
      json link = {{"machine", name}, {"network", network.name}, {"connected", counters.connected}};
      for (const NamedCount& traffic : k_traffic)
        link[traffic.name] = counters.*traffic.count;
      for (const NamedCount& event : k_events)
        link[event.name] = counters.*event.count;
      links.push_back(std::move(link));
    }
  return document({{"links", std::move(links)}});
}

std::string machines_text(const World& world) {
  std::string text;
  for (const TopologyMachine& machine : world.topology().machines) {
    text += fmt::format("{}  {}  {}", machine.name,
                        word_for(world.machine(machine.name).condition()), machine.environment);
    for (const TopologyLink& link : machine.links)
      text += fmt::format("  {} {}", link.network, join(link.addresses, " "));
    text += '\n';
  }
  return text;
}

std::string machines_json(const World& world) {
  json machines = json::array();
  for (const TopologyMachine& machine : world.topology().machines) {
    json addresses = json::object();
    for (const TopologyLink& link : machine.links)
      addresses[link.network] = link.addresses;
    machines.push_back({{"name", machine.name},
                        {"condition", word_for(world.machine(machine.name).condition())},
                        {"environment", machine.environment},
                        {"addresses", std::move(addresses)}});
  }
  return document({{"machines", std::move(machines)}});
}

}  // namespace nestbox
