#include "harness/net/mac_address.hpp"

#include <fmt/format.h>

#include <charconv>

namespace nestbox {

Result<MacAddress> parse_mac_address(std::string_view text) {
  constexpr std::size_t k_length = 17;
  const auto malformed = [&] {
    return fail(ErrorCode::definition, fmt::format("'{}' is not a MAC address", text),
                "write six bytes in hexadecimal, like '52:54:00:12:34:56'");
  };
  if (text.size() != k_length)
    return malformed();
  MacAddress address;
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const char* begin = text.data() + 3 * i;
    const auto [stop, error] = std::from_chars(begin, begin + 2, address.bytes[i], 16);
    if (error != std::errc() || stop != begin + 2 || (i + 1 < address.bytes.size() && *stop != ':'))
      return malformed();
  }
  return address;
}

std::string to_string(const MacAddress& address) {
  const auto& b = address.bytes;
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4],
                     b[5]);
}

}  // namespace nestbox
