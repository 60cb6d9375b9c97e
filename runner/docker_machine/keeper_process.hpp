#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/units.hpp"
#include "harness/vm/driver_registry.hpp"
#include "runner/docker_machine/machine_store.hpp"

namespace nestbox {

/// What a keeper is told on its command line, behind its name.
struct KeeperRequest {
  std::string storage;  ///< the path of the machine's store
  std::string name;
  std::string environment{};  ///< empty: 'docker-machine'
  std::optional<Bytes> memory{};
  std::optional<int> cores{};

  bool operator==(const KeeperRequest&) const = default;
};
/// The command that a keeper is started by; not for people.
inline constexpr char k_keeper_command[] = "docker-machine-keeper";
std::vector<std::string> keeper_arguments(const KeeperRequest& request);
KeeperRequest parse_keeper_arguments(const std::vector<std::string>& arguments);

/// Starts the keeper of a machine that is in the store, and waits until the machine can be entered.
/// Throws what the keeper ended with.
void start_keeper(const MachineStore& store, const KeeperRequest& request, Deadline deadline,
                  const CancelToken& cancel);

/// Ends the keeper of a machine, and the machine with it; returns once both are gone. No-op when
/// they are.
void end_keeper(const KeptMachine& machine);

/// The life of a keeper, `words` being keeper_arguments: makes the machine, reports on descriptor
/// 3, keeps it until it is told to end or the machine does.
int be_keeper(const std::vector<std::string>& words, const DriverRegistry& drivers);

}  // namespace nestbox
