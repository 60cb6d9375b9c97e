#include "harness/model/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace nestbox {

namespace {

/// `address` with every bit behind the prefix set or cleared.
IpAddress filled(IpAddress address, int prefix, bool set) {
  for (int bit = prefix; bit < address.width(); ++bit) {
    std::uint8_t& byte = address.bytes[static_cast<std::size_t>(bit / 8)];
    auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    byte = static_cast<std::uint8_t>(set ? byte | mask : byte & ~mask);
  }
  return address;
}

int family(const IpAddress& address) {
  return address.version == 4 ? AF_INET : AF_INET6;
}

}  // namespace

IpAddress IpSubnet::first() const {
  return filled(address, prefix, false);
}

IpAddress IpSubnet::last() const {
  return filled(address, prefix, true);
}

bool IpSubnet::contains(const IpAddress& other) const {
  return other.version == address.version && filled(other, prefix, false) == first();
}

bool IpSubnet::overlaps(const IpSubnet& other) const {
  return contains(other.address) || other.contains(address);
}

std::uint64_t IpSubnet::hosts() const {
  std::uint64_t addresses = std::uint64_t{1} << std::min(address.width() - prefix, 31);
  std::uint64_t reserved = address.version == 4 ? 2 : 1;
  return addresses > reserved ? addresses - reserved : 0;
}

IpAddress IpSubnet::host(std::uint64_t number) const {
  IpAddress result = first();
  for (std::size_t i = static_cast<std::size_t>(result.width() / 8); number > 0 && i-- > 0;) {
    number += result.bytes[i];
    result.bytes[i] = static_cast<std::uint8_t>(number & 0xff);
    number >>= 8;
  }
  return result;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  IpAddress address;
  address.version = text.find(':') == text.npos ? 4 : 6;
  if (inet_pton(family(address), std::string(text).c_str(), address.bytes.data()) != 1
      || text.find('\0') != text.npos)
    return {};
  return address;
}

std::optional<IpSubnet> parse_ip_subnet(std::string_view text) {
  std::size_t slash = std::min(text.find('/'), text.size());
  std::optional<IpAddress> address = parse_ip_address(text.substr(0, slash));
  int prefix = -1;
  const char* end = text.data() + text.size();
  const char* begin = std::min(text.data() + slash + 1, end);
  auto [stop, error] = std::from_chars(begin, end, prefix);
  if (!address || error != std::errc() || stop != end || prefix < 0 || prefix > address->width())
    return {};
  return IpSubnet{*address, prefix};
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family(address), address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const IpSubnet& subnet) {
  return to_string(subnet.address) + "/" + std::to_string(subnet.prefix);
}

}  // namespace nestbox
