#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.hpp"

namespace nestbox {

/// The address of an Ethernet station.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  auto operator<=>(const MacAddress&) const = default;

  /// One station, not a group of them (broadcast is a group).
  bool is_unicast() const { return (bytes[0] & 1) == 0; }
};

/// "52:54:00:12:34:56", in either case; anything else is Error(definition).
Result<MacAddress> parse_mac_address(std::string_view text);

/// "52:54:00:12:34:56", in lower case.
std::string to_string(const MacAddress& address);

}  // namespace nestbox
