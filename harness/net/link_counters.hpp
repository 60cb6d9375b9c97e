#pragma once

#include <cstdint>

namespace nestbox {

/// What happened on one link since it was made. "In" is from the machine into the switch, "out"
/// from the switch to the machine; bytes are those of the frames. A frame is counted as lost on the
/// link on which it was lost, one that a partition stops on the link it would have left by.
struct LinkCounters {
  std::uint64_t frames_in = 0;  ///< before any impairment
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_out = 0;  ///< wholly in the machine's socket
  std::uint64_t bytes_out = 0;

  std::uint64_t lost_down = 0;  ///< the link was down, or its machine gone
  std::uint64_t lost_partition = 0;
  std::uint64_t lost_loss = 0;  ///< Impairment::loss
  std::uint64_t lost_mtu = 0;
  std::uint64_t lost_queue = 0;         ///< no room for another delayed frame
  std::uint64_t lost_backpressure = 0;  ///< the machine reads too slowly

  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t malformed = 0;   ///< each of them cut the machine off
  std::uint64_t uncaptured = 0;  ///< passed while a capture was full or could not be written
  bool connected = false;        ///< has a machine now

  bool operator==(const LinkCounters&) const = default;
};

}  // namespace nestbox
