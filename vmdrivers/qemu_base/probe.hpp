#pragma once

#include <functional>
#include <string>

#include "harness/vm/machine.hpp"

namespace nestbox::qemu {

/// The guest that shows whether an accelerator works: `guest` is its kernel and initramfs.
MachineSpec probe_machine(const std::pair<std::filesystem::path, std::filesystem::path>& guest);

/// Why a machine does not answer, in one line; `symptom` is how that showed.
using Cause = std::function<std::string(const Error& symptom)>;

/// Until the agent has answered. Gives up when the guest ends, or has printed nothing new for as
/// long as `patience` (however slow a host, a guest that runs talks), or has not answered after two
/// minutes: Error(timeout) or Error(lost) with the cause in one line.
void await_probe(Machine& machine, const Cause& cause, std::chrono::seconds patience);

/// How much longer a loop takes in the machine than here, each with the machine's own busybox,
/// which is fetched for it. 1 to 20: no working accelerator is slower, what is beyond was the
/// host's other work. Throws what the transport throws.
double measure_slowdown(Machine& machine);

}  // namespace nestbox::qemu
