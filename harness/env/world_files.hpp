#pragma once

#include <map>
#include <string>

#include "harness/env/world.hpp"

namespace nestbox {

/// A world saved in a directory: `machines/NAME` is each machine's snapshot, `networks/NAME` the
/// state of each switch.
struct SavedWorld {
  std::map<std::string, Snapshot> machines;
  std::map<std::string, std::string> switch_states;
};

/// The save_directory of a machine of a world that is saved in `directory`.
fs::path saved_machine_directory(const fs::path& directory, const std::string& machine);

/// Saves the world, all of it at one instant, into the directory that its plan named, and ends its
/// machines: what they sent until then and none has got yet is in the switches' states. Blocks
/// until they have come to rest. Throws Error(lost), Error(infrastructure), Error(cancelled).
void save_world(World& world, const fs::path& directory, const CancelToken& cancel);

/// Throws Error(corrupt).
SavedWorld load_world(const fs::path& directory, const Topology& topology);

}  // namespace nestbox
