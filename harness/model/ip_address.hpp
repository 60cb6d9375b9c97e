#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nestbox {

/// An address of IPv4 (its four bytes first, then zeros) or of IPv6.
struct IpAddress {
  int version = 4;
  std::array<std::uint8_t, 16> bytes{};

  int width() const { return version == 4 ? 32 : 128; }  ///< in bits
  auto operator<=>(const IpAddress&) const = default;
};

/// An address and how many of its first bits name the network: "10.90.0.0/24".
struct IpSubnet {
  IpAddress address;
  int prefix = 0;

  IpAddress first() const;  ///< the network's own address
  IpAddress last() const;   ///< of IPv4 the broadcast address
  bool contains(const IpAddress& other) const;
  bool overlaps(const IpSubnet& other) const;

  /// How many machines can have an address in it, at most 2^31: IPv4 leaves out the first and the
  /// last, IPv6 the first.
  std::uint64_t hosts() const;
  /// The address of one of them, from 1.
  IpAddress host(std::uint64_t number) const;

  bool operator==(const IpSubnet&) const = default;
};

/// "10.90.0.1" or "fd00::1"; no zone.
std::optional<IpAddress> parse_ip_address(std::string_view text);

/// "10.90.0.0/24"; bits behind the prefix are kept.
std::optional<IpSubnet> parse_ip_subnet(std::string_view text);

std::string to_string(const IpAddress& address);
std::string to_string(const IpSubnet& subnet);

}  // namespace nestbox
