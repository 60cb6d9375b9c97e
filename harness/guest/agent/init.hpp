#pragma once

#include <string>

#include "harness/guest/agent/device_events.hpp"

namespace nestbox::agent {

/// What the kernel's command line tells us.
struct BootParameters {
  std::string
      root;  ///< nestbox.root=/dev/vda: the root file system's device; empty: stay in the initramfs
  bool systemd = false;  ///< nestbox.init=systemd: hand over to the machine's own init
};
BootParameters parse_boot_parameters(const std::string& command_line);

/// The duties of PID 1 before it can serve: file systems, modules, root, devices, network. Does not
/// return when the machine's own init is to take over. On failure it says why and ends, which
/// panics the kernel.
void initialise_machine(DeviceEvents& events);

}  // namespace nestbox::agent
