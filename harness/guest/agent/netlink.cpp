#include "harness/guest/agent/netlink.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace nestbox::agent {

std::size_t InternetAddress::size() const {
  return family == AF_INET ? 4 : 16;
}

std::optional<InternetAddress> parse_internet_address(const std::string& text) {
  InternetAddress address;
  const std::size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  address.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(address.family, host.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  const int width = static_cast<int>(address.size()) * 8;
  address.prefix = width;
  if (slash == std::string::npos)
    return address;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, address.prefix);
  if (error != std::errc() || rest != end || address.prefix < 0 || address.prefix > width)
    return std::nullopt;
  return address;
}

std::optional<HardwareAddress> parse_hardware_address(const std::string& text) {
  HardwareAddress address{};
  if (text.size() != 3 * address.size() - 1)
    return std::nullopt;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const char* const digits = text.data() + 3 * i;
    if (i > 0 && digits[-1] != ':')
      return std::nullopt;
    if (std::from_chars(digits, digits + 2, address[i], 16).ptr != digits + 2)
      return std::nullopt;
  }
  return address;
}

/// One request: netlink's header, the subject's own, attributes; each padded to four bytes.
class RouteSocket::Message {
public:
  template <class Header>
  Message(std::uint16_t type, std::uint16_t flags, const Header& header) {
    nlmsghdr common{};
    common.nlmsg_type = type;
    common.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    append(&common, sizeof common);
    append(&header, sizeof header);
  }

  void attribute(std::uint16_t type, const void* value, std::size_t size) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    append(&header, sizeof header);
    append(value, size);
  }

  const std::string& finish(std::uint32_t sequence) {
    const auto size = static_cast<std::uint32_t>(m_bytes.size());
    std::memcpy(m_bytes.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
    std::memcpy(m_bytes.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
    return m_bytes;
  }

private:
  void append(const void* bytes, std::size_t size) {
    m_bytes.append(static_cast<const char*>(bytes), size);
    m_bytes.resize(NLMSG_ALIGN(m_bytes.size()));
  }

  std::string m_bytes;
};

RouteSocket::RouteSocket() : m_socket(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}

int RouteSocket::ask(Message& message) {
  const std::string& bytes = message.finish(++m_sequence);
  if (send(m_socket.get(), bytes.data(), bytes.size(), 0) < 0)
    return errno;
  while (true) {
    alignas(nlmsghdr) char answer[8192];
    const ssize_t count = recv(m_socket.get(), answer, sizeof answer, 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))))
      return count < 0 ? errno : EPROTO;
    nlmsghdr header;
    nlmsgerr outcome;
    std::memcpy(&header, answer, sizeof header);
    std::memcpy(&outcome, answer + NLMSG_HDRLEN, sizeof outcome);
    if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_seq == m_sequence)
      return -outcome.error;
  }
}

namespace {

ifinfomsg link_header(int interface) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = interface;
  return header;
}

ifaddrmsg address_header(int interface, const InternetAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address.family);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = static_cast<std::uint32_t>(interface);
  return header;
}

rtmsg route_header(const InternetAddress& destination) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(destination.family);
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.prefix);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  return header;
}

constexpr std::uint16_t k_replace = NLM_F_CREATE | NLM_F_REPLACE;

}  // namespace

int RouteSocket::set_up(int interface, bool up) {
  ifinfomsg header = link_header(interface);
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, 0, header);
  return ask(message);
}

int RouteSocket::set_hardware_address(int interface, const HardwareAddress& address) {
  Message message(RTM_NEWLINK, 0, link_header(interface));
  message.attribute(IFLA_ADDRESS, address.data(), address.size());
  return ask(message);
}

int RouteSocket::set_mtu(int interface, std::uint32_t mtu) {
  Message message(RTM_NEWLINK, 0, link_header(interface));
  message.attribute(IFLA_MTU, &mtu, sizeof mtu);
  return ask(message);
}

int RouteSocket::add_address(int interface, const InternetAddress& address) {
  Message message(RTM_NEWADDR, k_replace, address_header(interface, address));
  message.attribute(IFA_LOCAL, address.bytes.data(), address.size());
  message.attribute(IFA_ADDRESS, address.bytes.data(), address.size());
  if (address.family == AF_INET && address.prefix < 31) {
    std::uint32_t broadcast;
    std::memcpy(&broadcast, address.bytes.data(), sizeof broadcast);
    broadcast |= htonl(~0u >> address.prefix);
    message.attribute(IFA_BROADCAST, &broadcast, sizeof broadcast);
  }
  return ask(message);
}

int RouteSocket::remove_address(int interface, const InternetAddress& address) {
  Message message(RTM_DELADDR, 0, address_header(interface, address));
  message.attribute(IFA_LOCAL, address.bytes.data(), address.size());
  const int failure = ask(message);
  return failure == EADDRNOTAVAIL ? 0 : failure;
}

int RouteSocket::add_route(int interface, const InternetAddress& destination,
                           const InternetAddress& gateway) {
  Message message(RTM_NEWROUTE, k_replace, route_header(destination));
  if (destination.prefix > 0)
    message.attribute(RTA_DST, destination.bytes.data(), destination.size());
  message.attribute(RTA_GATEWAY, gateway.bytes.data(), gateway.size());
  message.attribute(RTA_OIF, &interface, sizeof interface);
  return ask(message);
}

int RouteSocket::remove_route(int interface, const InternetAddress& destination,
                              const InternetAddress& gateway) {
  Message message(RTM_DELROUTE, 0, route_header(destination));
  if (destination.prefix > 0)
    message.attribute(RTA_DST, destination.bytes.data(), destination.size());
  message.attribute(RTA_GATEWAY, gateway.bytes.data(), gateway.size());
  message.attribute(RTA_OIF, &interface, sizeof interface);
  const int failure = ask(message);
  return failure == ESRCH ? 0 : failure;
}

}  // namespace nestbox::agent
