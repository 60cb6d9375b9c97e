#include "runner/world_description.hpp"

#include <nlohmann/json.hpp>

namespace nestbox {

std::string describe_machines(const Topology& topology) {
  nlohmann::ordered_json machines = nlohmann::ordered_json::object();
  for (const TopologyMachine& machine : topology.machines) {
    nlohmann::ordered_json addresses = nlohmann::ordered_json::object();
    for (const TopologyLink& link : machine.links) {
      nlohmann::ordered_json& on_network = addresses[link.network];
      on_network = nlohmann::ordered_json::array();
      for (const std::string& address : link.addresses)
        on_network.push_back(address.substr(0, address.find('/')));
    }
    machines[machine.name] = {{"hostname", machine.name},
                              {"environment", machine.environment},
                              {"addresses", std::move(addresses)}};
  }
  return machines.dump();
}

}  // namespace nestbox
