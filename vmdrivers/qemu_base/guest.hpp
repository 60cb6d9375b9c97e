#pragma once

#include <string>

#include "harness/vm/machine.hpp"

namespace nestbox::qemu {

/// The agent's port in the guest: /dev/virtio-ports/org.nestbox.agent.0.
inline constexpr char k_agent_port[] = "org.nestbox.agent.0";

/// What QEMU is given in the kernel's place when it restores a machine: the device state has a
/// place for the loader's ROM; the kernel itself was loaded once and for all, and reading it again
/// would only cost time and memory.
inline constexpr char k_restored_rom[] = "linuxboot_dma.bin";

/// Whether the firmware starts it from its disk, there being no kernel to be loaded.
bool boots_disk(const MachineSpec& spec);

/// For a kernel that is booted directly, its console on the first serial port.
std::string kernel_command_line(const MachineSpec& spec);

}  // namespace nestbox::qemu
