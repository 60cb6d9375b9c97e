#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "harness/net/lane.hpp"
#include "harness/net/switch_fabric.hpp"
#include "harness/net/switch_port.hpp"

namespace nestbox {

/// One link, as its switch keeps it.
struct SwitchFabric::Link {
  Link(std::string link, std::uint64_t in_seed, std::uint64_t out_seed, FrameBudget& budget)
      : name(std::move(link)), lanes{Lane(in_seed), Lane(out_seed)}, port(counters, budget) {}

  Lane& lane(Direction direction) { return lanes[direction == Direction::in ? 0 : 1]; }
  /// Bytes that are on their way, as the budget counts them.
  std::size_t& delayed(Direction direction) { return bytes[direction == Direction::in ? 0 : 1]; }

  void count_in(const FrameView& frame) {
    ++counters.frames_in;
    counters.bytes_in += frame.size();
    port.note(frame, Direction::in);
  }

  std::string name;
  std::array<Lane, 2> lanes;
  std::array<std::size_t, 2> bytes{};
  LinkCounters counters;
  SwitchPort port;
  std::uint32_t group = 0;       ///< of the partition
  std::uint64_t connection = 0;  ///< which machine it has, counted over the whole switch
};

}  // namespace nestbox
