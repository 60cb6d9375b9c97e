#include "harness/guest/agent/device_events.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace nestbox::agent {

DeviceEvents::DeviceEvents()
    : m_socket(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own, not udev's
  bind(m_socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

void DeviceEvents::wait_until(const std::function<bool()>& there) {
  while (!there()) {
    char announcement[8192];
    // ENOBUFS: announcements were lost, so one may have been ours; asking again is right then too.
    if (recv(m_socket.get(), announcement, sizeof announcement, 0) < 0 && errno != EINTR
        && errno != ENOBUFS)
      return;
  }
}

}  // namespace nestbox::agent
