#pragma once

#include <string>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

struct ShellOptions {
  std::string environment = "debian";
  std::string driver = "auto";
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  bool all_files = false;
};

/// `nestbox shell`: a machine of its own, the source tree in it, a login shell on a pty. The exit
/// code is the shell's. Throws Error.
int open_shell(const ShellOptions& options, const DriverRegistry& drivers);

}  // namespace nestbox
