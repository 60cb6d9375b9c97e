#include "harness/guest/listening_ports.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/model/ip_address.hpp"

namespace nestbox {
namespace {

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

/// As the tables write it: 127.0.0.1 is 0100007F.
std::string in_tables(const std::string& address) {
  const IpAddress parsed = parse_ip_address(address).value();
  return fmt::format("{:02X}{:02X}{:02X}{:02X}", parsed.bytes[3], parsed.bytes[2], parsed.bytes[1],
                     parsed.bytes[0]);
}

}  // namespace

std::set<int> listening_ports(std::string_view tables, const std::string& own_address) {
  constexpr std::string_view k_mapped = "0000000000000000FFFF0000";
  constexpr std::string_view k_any = "00000000";
  const std::string own = in_tables(own_address);
  std::set<int> ports;
  for (const std::string& line : split(tables, '\n')) {
    std::vector<std::string> words;
    for (const std::string& word : split(line, ' '))
      if (!word.empty())
        words.push_back(word);
    if (words.size() < 4 || words[3] != "0A")
      continue;
    const std::size_t colon = words[1].find(':');
    std::string_view address = std::string_view(words[1]).substr(0, colon);
    if (address.starts_with(k_mapped))
      address.remove_prefix(k_mapped.size());
    const bool any = address == k_any || address == std::string(32, '0');
    const auto port = port_of(std::string_view(words[1]).substr(colon + 1));
    if (port && *port != 0 && (any || address == own))
      ports.insert(*port);
  }
  return ports;
}

}  // namespace nestbox
