#pragma once

namespace nestbox::qemu {

/// What is told of a QEMU by its monitor, or by whoever holds that.
enum class QemuEvent {
  shut_down,         ///< the guest powered off or rebooted, by itself
  crashed,           ///< the guest's kernel told its panic device
  ended,             ///< QEMU is gone, and all has been told
  disk_full,         ///< it has stopped the guest, for what its disk is on is full,
  disk_failed,       ///< or cannot be written for another reason
  migrated,          ///< a migration has completed, in or out,
  migration_failed,  ///< or has not
};

}  // namespace nestbox::qemu
