#pragma once

#include <cstddef>

#include "harness/net/mac_table.hpp"

namespace nestbox {

/// What one switch holds at most; together less than 50 MB.
constexpr std::size_t k_most_links = 128;
constexpr std::size_t k_most_bytes_of_frames = 24 * 1024 * 1024;  ///< waiting or delayed
constexpr std::size_t k_most_bytes_of_lane = 4 * 1024 * 1024;     ///< delayed, of those
constexpr std::size_t k_most_stations = k_most_links * MacTable::k_most_stations;
constexpr std::size_t k_longest_link_name = 255;

}  // namespace nestbox
