#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

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

/// The port's name in the guest: /dev/virtio-ports/org.nestbox.agent.0.
inline constexpr char k_agent_port[] = "org.nestbox.agent.0";

/// What executes the guest's instructions.
struct Accelerator {
  std::string name;       ///< "kvm" or "tcg"
  std::string cpu_model;  ///< QEMU's -cpu: "host,migratable=on", k_emulated_cpu

  bool operator==(const Accelerator&) const = default;
};

/// All that software emulation can do, but for what makes a guest slower there: told of ERMS, Linux
/// copies and clears byte by byte where it would take words; 5-level paging makes each walk longer.
/// Without the two, a tree is copied in with a fifth less of the processor.
inline constexpr char k_emulated_cpu[] = "max,-erms,-la57";

/// Where a machine's RAM lives.
struct RamFile {
  std::filesystem::path path;
  /// True: what the guest writes goes to the file (a template being made). False: to this machine's
  /// private memory (a clone): the file must never change.
  bool shared = false;

  bool operator==(const RamFile&) const = default;
};

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
