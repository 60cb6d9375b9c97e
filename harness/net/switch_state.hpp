#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/net/delay_queue.hpp"
#include "harness/net/impairment.hpp"
#include "harness/net/mac_table.hpp"

namespace nestbox {

/// What a copy of a switch has to know. Links are named by their place in `links`.
struct SwitchState {
  struct Link {
    std::string name;
    Impairment impairment;
    std::uint32_t group = 0;  ///< of the partition; links pass frames within a group

    bool operator==(const Link&) const = default;
  };

  std::vector<Link> links;
  std::vector<MacTable::Station> stations;
  std::vector<DelayedFrame> frames;  ///< in order; arrival counts from the state's instant

  bool operator==(const SwitchState&) const = default;
};

/// Version 1: "nestbox switch 1\n", then links, stations and frames, each a count and so many
/// entries; integers in network order, texts behind their length (32 bits), times in nanoseconds.
std::string encode(const SwitchState& state);

/// What encode() made of a switch within its bounds; whatever else is Error(corrupt).
SwitchState decode_switch_state(std::string_view bytes);

}  // namespace nestbox
