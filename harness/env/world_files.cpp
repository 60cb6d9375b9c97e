#include "harness/env/world_files.hpp"

#include <fmt/format.h>

#include "harness/env/run_together.hpp"
#include "harness/env/settle.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox {
namespace {

constexpr auto k_save_limit = std::chrono::minutes(5);

/// A switch's own bound on frames (24 MiB) and some more.
constexpr Bytes k_most_state = mebibytes(64);

fs::path state_file(const fs::path& directory, const std::string& network) {
  return directory / "networks" / network;
}

void on_each_machine(World& world, const CancelToken& cancel,
                     const std::function<void(const std::string&, const CancelToken&)>& action) {
  std::vector<CancellableTask> tasks;
  for (const TopologyMachine& machine : world.topology().machines)
    tasks.push_back([&action, &machine](const CancelToken& stop) {
      try {
        action(machine.name, stop);
      } catch (const Error& error) {
        throw error.during(fmt::format("saving machine '{}'", machine.name));
      }
    });
  run_together(tasks, cancel);
}

}  // namespace

fs::path saved_machine_directory(const fs::path& directory, const std::string& machine) {
  return directory / "machines" / machine;
}

void save_world(World& world, const fs::path& directory, const CancelToken& cancel) {
  // Networks still work here: a machine may have to write to a file system of another.
  on_each_machine(world, cancel, [&](const std::string& name, const CancelToken& stop) {
    settle_for_save(world.machine(name), world.environment(name), stop);
    world.machine(name).transport().quiesce(Deadline::after(k_save_limit));
  });
  // The instant. From here on no machine hears of another, so it does not matter which of them is
  // stopped first: what one still sends before it is stopped is on its way in the saved world.
  for (const TopologyNetwork& network : world.topology().networks)
    world.network(network.name).freeze();
  on_each_machine(world, cancel, [&](const std::string& name, const CancelToken& stop) {
    stop.throw_if_cancelled();
    world.machine(name).save(Deadline::after(k_save_limit));
  });
  fs::create_directories(directory / "networks");
  for (const TopologyNetwork& network : world.topology().networks)
    write_file_atomically(state_file(directory, network.name), world.network(network.name).state());
}

SavedWorld load_world(const fs::path& directory, const Topology& topology) {
  SavedWorld saved;
  for (const TopologyMachine& machine : topology.machines)
    saved.machines.emplace(machine.name,
                           load_snapshot(saved_machine_directory(directory, machine.name)));
  for (const TopologyNetwork& network : topology.networks)
    saved.switch_states.emplace(network.name,
                                read_file(state_file(directory, network.name), k_most_state));
  return saved;
}

}  // namespace nestbox
