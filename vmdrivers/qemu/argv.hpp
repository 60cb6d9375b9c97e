#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/vm/machine.hpp"
#include "vmdrivers/qemu_base/accelerator.hpp"
#include "vmdrivers/qemu_base/ram_file.hpp"

namespace nestbox::qemu {

/// Raised when the meaning of the argv below changes for machines saved earlier: part of every
/// snapshot's key.
inline constexpr int k_argv_version = 2;

/// The descriptors that QEMU inherits, by number. All are connected or open before it starts, so
/// that nothing has to be created, waited for or removed in a filesystem.
inline constexpr int k_agent_descriptor = 3;
inline constexpr int k_qmp_descriptor = 4;
inline constexpr int k_console_descriptor = 5;
inline constexpr int k_state_descriptor =
    6;  ///< only when restoring: the saved device state, read from here
inline constexpr int k_first_cable_descriptor = 7;  ///< of the first interface; others follow

/// One start of QEMU, whole.
struct Launch {
  std::string binary;
  Accelerator accelerator;
  MachineSpec spec;
  std::optional<RamFile> ram_file{};  ///< nothing: anonymous memory
  bool keep_disk_writes = false;  ///< else they go to a file that QEMU unlinks at once, in TMPDIR
  bool restore = false;           ///< wait for a saved state instead of starting the kernel
  bool paused = false;            ///< once restored, wait for `cont`
  bool cabled = false;            ///< there is a cable for each interface; else they have no peer

  bool operator==(const Launch&) const = default;
};

/// QEMU's command line: a pure function, compared whole in tests.
std::vector<std::string> make_argv(const Launch& launch);

}  // namespace nestbox::qemu
