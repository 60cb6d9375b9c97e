#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "harness/vm/machine.hpp"
#include "vmdrivers/qemu_base/ram_file.hpp"

namespace nestbox::qemu {

/// One start of a machine, whoever starts its QEMU.
struct Start {
  MachineSpec spec;
  std::optional<RamFile> ram_file{};             ///< nothing: anonymous memory
  std::optional<std::filesystem::path> state{};  ///< restore it from this instead of booting it
  std::vector<int> cables{};                     ///< as BootOptions::cables
  bool paused = false;                           ///< once restored, wait for Machine::resume
};

}  // namespace nestbox::qemu
