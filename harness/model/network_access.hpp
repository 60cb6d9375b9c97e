#pragma once

namespace nestbox {

/// What a machine reaches beyond the networks of its topology.
enum class NetworkAccess {
  none,  ///< no such device (loopback only)
  user,  ///< QEMU user mode: a way out, nothing in
};

}  // namespace nestbox
