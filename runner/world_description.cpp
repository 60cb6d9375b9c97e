#include "runner/world_description.hpp"

#include <nlohmann/json.hpp>

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

Json describe_addresses(const TopologyMachine& machine) {
  Json addresses = Json::object();
  for (const TopologyLink& link : machine.links) {
    Json& on_network = addresses[link.network];
    on_network = Json::array();
    for (const std::string& address : link.addresses)
      on_network.push_back(address.substr(0, address.find('/')));
  }
  return addresses;
}

}  // namespace

std::string describe_machines(const Topology& topology, const std::vector<MachineAccess>& access,
                              const AccessFiles& files) {
  Json machines = Json::object();
  for (const TopologyMachine& machine : topology.machines)
    machines[machine.name] = {{"hostname", machine.name},
                              {"environment", machine.environment},
                              {"addresses", describe_addresses(machine)}};
  for (const MachineAccess& machine : access)
    if (!machine.user.empty())
      machines[machine.name]["ssh"] = {{"host", machine.host},
                                       {"port", machine.port},
                                       {"user", machine.user},
                                       {"key", files.key},
                                       {"known_hosts", files.known_hosts},
                                       {"config", files.ssh_config}};
  return machines.dump();
}

}  // namespace nestbox
