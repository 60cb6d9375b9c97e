#pragma once

#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "runner/docker_machine/machine_store.hpp"

namespace nestbox {

/// The command by which the process below is started; not for people.
inline constexpr char k_network_command[] = "docker-machine-network";

/// A cable (BootOptions::cables) into the network of a store's machines: a switch in a process of
/// its own, which starts with the first machine and ends with the last. Throws Error(io),
/// Error(infrastructure) when it does not start, Error(timeout), Error(cancelled).
FileDescriptor plug_in(const MachineStore& store, Deadline deadline, const CancelToken& cancel);

/// The life of that process: `words` is the storage path alone. Reports on descriptor 3.
int be_network(const std::vector<std::string>& words);

}  // namespace nestbox
