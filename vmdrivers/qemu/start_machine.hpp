#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "vmdrivers/qemu/argv.hpp"
#include "vmdrivers/qemu_base/machine.hpp"

namespace nestbox::qemu {

/// Starts a QEMU of our own and, when it restores, tells it to load the state; waits for nothing.
/// What it throws away when it ends is written below `scratch`.
std::unique_ptr<QemuMachine> start_machine(const Launch& launch, const Start& start,
                                           const std::filesystem::path& scratch);

}  // namespace nestbox::qemu
