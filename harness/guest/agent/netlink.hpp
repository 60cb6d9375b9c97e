#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// An address of IPv4 or IPv6 and how many of its bits name its network.
struct InternetAddress {
  int family = 0;  ///< AF_INET, AF_INET6
  std::array<unsigned char, 16> bytes{};
  int prefix = 0;

  std::size_t size() const;  ///< of `bytes`: 4 or 16
};

/// "192.0.2.7/24", "2001:db8::7/64"; without a prefix it is a single address.
std::optional<InternetAddress> parse_internet_address(const std::string& text);

using HardwareAddress = std::array<unsigned char, 6>;

/// "52:54:00:00:01:01"
std::optional<HardwareAddress> parse_hardware_address(const std::string& text);

/// Changes the machine's network as ip(8) does, by rtnetlink(7). All give 0 or an errno.
class RouteSocket {
public:
  RouteSocket();

  int set_up(int interface, bool up);
  int set_hardware_address(int interface, const HardwareAddress& address);
  int set_mtu(int interface, std::uint32_t mtu);

  /// Usable at once: without the detection of duplicates. One that is there already is no error,
  /// nor is, to remove_address, one that is not.
  int add_address(int interface, const InternetAddress& address);
  int remove_address(int interface, const InternetAddress& address);

  /// Likewise; one to the same destination is replaced.
  int add_route(int interface, const InternetAddress& destination, const InternetAddress& gateway);
  int remove_route(int interface, const InternetAddress& destination,
                   const InternetAddress& gateway);

private:
  class Message;
  int ask(Message& message);

  FileDescriptor m_socket;
  std::uint32_t m_sequence = 0;
};

}  // namespace nestbox::agent
