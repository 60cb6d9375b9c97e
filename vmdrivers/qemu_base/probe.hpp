#pragma once

#include <chrono>
#include <filesystem>
#include <utility>

#include "vmdrivers/qemu_base/machine.hpp"

namespace nestbox::qemu {

/// The guest that shows whether an accelerator works: `guest` is its kernel and initramfs.
MachineSpec probe_machine(const std::pair<std::filesystem::path, std::filesystem::path>& guest);

/// Until the agent has answered. Gives up when the guest ends, or has printed nothing new for as
/// long as `patience` (however slow a host, a guest that runs talks), or has not answered after two
/// minutes: Error(timeout) or Error(lost) with the cause in one line.
void await_probe(QemuMachine& machine, std::chrono::seconds patience);

/// How much longer a loop takes in the machine than here, each with the machine's own busybox,
/// which is fetched for it. 1 to 20: no working accelerator is slower, what is beyond was the
/// host's other work. Throws what the transport throws.
double measure_slowdown(Machine& machine);

}  // namespace nestbox::qemu
