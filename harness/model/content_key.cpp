#include "harness/model/content_key.hpp"

#include <cassert>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/model/verb_parser.hpp"

namespace nestbox {

namespace {

void add_list(Sha256& hash, std::string_view name, const std::vector<std::string>& items) {
  hash.field(name, std::to_string(items.size()));
  for (const std::string& item : items)
    hash.field(name, item);
}

void add_network(Sha256& hash, const TopologyNetwork& network) {
  hash.field("network", network.name)
      .field("impair", to_string(network.impair))
      .field("mtu", std::to_string(network.mtu));
  add_list(hash, "subnet", network.subnets);
}

void add_machine(Sha256& hash, const TopologyMachine& machine, const std::string& environment_key) {
  hash.field("machine", machine.name)
      .field("environment", environment_key)
      .field("memory", machine.memory ? std::to_string(machine.memory->count) : "")
      .field("cores", machine.cores ? std::to_string(*machine.cores) : "")
      .field("access", machine.network == NetworkAccess::user ? "user" : "none");
  add_list(hash, "after", machine.after);
  for (const TopologyLink& link : machine.links) {
    hash.field("link", link.network).field("mac", link.mac);
    add_list(hash, "address", link.addresses);
  }
}

}  // namespace

std::string content_key(const Step& step, const std::string& content_hash) {
  Sha256 hash;
  if (const RunStep* run = std::get_if<RunStep>(&step)) {
    hash.field("step", "run").field("script", run->script);
  } else {
    // The source's name is no part of it: the same files under another name make the same layer.
    hash.field("step", "copy")
        .field("destination", std::get<CopyStep>(step).destination)
        .field("content", content_hash);
  }
  return hash.hex();
}

std::string content_key(const Topology& topology, const std::vector<std::string>& environment_keys,
                        const std::vector<std::string>& content_hashes) {
  assert(environment_keys.size() == topology.machines.size()
         && content_hashes.size() == topology.setup.size());
  Sha256 hash;
  hash.field("topology", "1");
  for (const TopologyNetwork& network : topology.networks)
    add_network(hash, network);
  for (std::size_t i = 0; i < topology.machines.size(); ++i)
    add_machine(hash, topology.machines[i], environment_keys[i]);
  for (std::size_t i = 0; i < topology.setup.size(); ++i) {
    Verb verb = topology.setup[i].verb;
    if (CopyVerb* copy = std::get_if<CopyVerb>(&verb); copy && copy->from.machines.empty())
      copy->from.path = ".";  // no part of it, as with the steps of environments
    hash.field("step", to_string(verb)).field("content", content_hashes[i]);
  }
  return hash.hex();
}

}  // namespace nestbox
