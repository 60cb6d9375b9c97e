#pragma once

#include <nlohmann/json.hpp>

#include "harness/vm/machine.hpp"

namespace nestbox::qemu {

/// The files of a snapshot beside those that vm/snapshot.hpp names; the disk only when the machine
/// had one.
inline constexpr char k_state_file[] = "state";
inline constexpr char k_disk_file[] = "disk.qcow2";

/// Gives a machine that will be saved, and has a disk, one of its own in its `save_directory`,
/// which is saved with it. Throws as create_overlay.
void give_disk_of_its_own(MachineSpec& spec, Deadline deadline, const CancelToken& cancel);

/// The arguments of QMP's migrate-set-capabilities before a machine is saved or restored: its RAM
/// stays in its file.
nlohmann::json migration_capabilities();

/// What is left to do once a machine's RAM, state and disk lie in its `save_directory` and its QEMU
/// has ended: makes a snapshot of them. Throws Error(io).
Snapshot seal_snapshot(const MachineSpec& spec);

}  // namespace nestbox::qemu
