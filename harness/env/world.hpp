#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/env/barrier_board.hpp"
#include "harness/env/capture_board.hpp"
#include "harness/env/machine_options.hpp"
#include "harness/model/topology.hpp"
#include "harness/net/virtual_switch.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox {

/// Makes one machine of a world, answered and thawed, as the options have it. Called on a thread of
/// its own.
using MachineMaker =
    std::function<std::unique_ptr<Machine>(const TopologyMachine& machine, MachineOptions options,
                                           Deadline deadline, const CancelToken& cancel)>;

/// What a world is made from.
struct WorldPlan {
  Topology topology;
  /// What each machine is, by its name: for its variables.
  std::map<std::string, Environment> environments;
  std::string run_name;    ///< unique among live worlds: part of the names of the hypervisors
  std::uint64_t seed = 0;  ///< of all that impaired networks leave to chance
  Isolation isolation = Isolation::fork;
  MachineMaker make;
  std::optional<fs::path> save_directory{};  ///< set when save_world is to come: empty, existing
  /// Set when the machines come from a saved world: VirtualSwitch::state() of each network. They
  /// are all started at once then, whatever is to come after what.
  std::optional<std::map<std::string, std::string>> switch_states{};
};

/// The live machines of one topology and the switches between them, in this process. Dropping it
/// ends the machines, then the switches. Any thread.
class World {
public:
  /// Makes all machines, at once but for those that are to come `after` others. Each bears its
  /// topology's name, MACs, addresses and hosts. The first that cannot be made ends all others, and
  /// is named in the Error. Where any network will do and the plan has none, the machines are asked
  /// for their addresses, on a network that is called 'lan' then. Blocks.
  World(WorldPlan plan, Deadline deadline, const CancelToken& cancel);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  const Topology& topology() const noexcept { return m_topology; }
  std::uint64_t seed() const noexcept { return m_seed; }

  /// A machine beside the world's own, from which the world is driven: `machine` finds it, too.
  /// Before any verb; outlives all of them.
  void accompany(const std::string& name, Machine& machine) { m_beside = {name, &machine}; }

  /// Valid as long as the world. Error(not_found).
  Machine& machine(const std::string& name) const;
  /// Whether it is one of the topology's.
  bool owns(const std::string& machine) const { return m_machines.contains(machine); }
  /// Its links have their machines' names. Error(not_found).
  VirtualSwitch& network(const std::string& name) const;
  /// What the machine was made from, raised to its own memory, cores and network.
  const Environment& environment(const std::string& machine) const;
  BarrierBoard& barriers() noexcept { return m_barriers; }
  CaptureBoard& captures() noexcept { return m_captures; }

  /// As Machine::on_end, of each machine.
  void on_end(const std::function<void(const std::string& machine, Condition)>& handler);

private:
  void make_switches(const WorldPlan& plan);
  void make_machines(const WorldPlan& plan, Deadline deadline, const CancelToken& cancel);
  void introduce(Deadline deadline, const CancelToken& cancel);
  std::unique_ptr<Machine> make_machine(const WorldPlan& plan, const TopologyMachine& machine,
                                        Deadline deadline, const CancelToken& cancel);

  Topology m_topology;
  std::map<std::string, Environment> m_environments;
  std::uint64_t m_seed;
  BarrierBoard m_barriers;
  CaptureBoard m_captures;
  std::map<std::string, std::unique_ptr<VirtualSwitch>> m_networks;
  std::map<std::string, std::unique_ptr<Machine>> m_machines;  ///< ended before the switches
  std::pair<std::string, Machine*> m_beside{};
};

}  // namespace nestbox
