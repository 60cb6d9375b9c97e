#include "harness/guest/agent/network.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

/// What QEMU's user network (slirp) is made of, as its manual has it.
constexpr const char* k_user_address = "10.0.2.15/24";
constexpr const char* k_user_gateway = "10.0.2.2";
constexpr const char* k_user_name_server = "10.0.2.3";

FileDescriptor control_socket() {
  return FileDescriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

ifreq request_for(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

void store_address(sockaddr& out, in_addr address) {
  sockaddr_in full{};
  full.sin_family = AF_INET;
  full.sin_addr = address;
  std::memcpy(&out, &full, sizeof full);
}

bool raise_interface(int control, const std::string& interface) {
  ifreq request = request_for(interface);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
    return false;
  request.ifr_flags |= IFF_UP;
  return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

/// The first, by name, of the interfaces that stand for a device.
std::string first_interface() {
  std::vector<std::string> names;
  if (DIR* directory = opendir("/sys/class/net")) {
    while (const dirent* entry = readdir(directory))
      if (access(("/sys/class/net/" + std::string(entry->d_name) + "/device").c_str(), F_OK) == 0)
        names.emplace_back(entry->d_name);
    closedir(directory);
  }
  return names.empty() ? std::string() : *std::ranges::min_element(names);
}

bool set_address(const std::string& interface, const std::string& address) {
  const std::size_t slash = address.find('/');
  const int prefix = slash == std::string::npos ? 32 : std::atoi(address.c_str() + slash + 1);
  in_addr host;
  if (prefix < 0 || prefix > 32
      || inet_pton(AF_INET, address.substr(0, slash).c_str(), &host) != 1) {
    errno = EINVAL;
    return false;
  }
  const FileDescriptor control = control_socket();
  ifreq request = request_for(interface);
  store_address(request.ifr_addr, host);
  if (ioctl(control.get(), SIOCSIFADDR, &request) != 0)
    return false;
  store_address(request.ifr_netmask, {.s_addr = htonl(prefix == 0 ? 0 : ~0u << (32 - prefix))});
  return ioctl(control.get(), SIOCSIFNETMASK, &request) == 0
         && raise_interface(control.get(), interface);
}

bool add_default_route(const char* gateway) {
  rtentry route{};
  in_addr address;
  inet_pton(AF_INET, gateway, &address);
  store_address(route.rt_gateway, address);
  store_address(route.rt_dst, {});
  store_address(route.rt_genmask, {});
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  const FileDescriptor control = control_socket();
  return ioctl(control.get(), SIOCADDRT, &route) == 0;
}

}  // namespace

void raise_loopback() {
  const FileDescriptor control = control_socket();
  raise_interface(control.get(), "lo");
}

void raise_user_network() {
  const std::string interface = first_interface();
  if (interface.empty())
    return;
  if (!set_address(interface, k_user_address) || !add_default_route(k_user_gateway))
    report("cannot bring up '" + interface + "': " + strerrordesc_np(errno));
  unlink(
      "/etc/resolv.conf");  // a symlink to a resolver that does not run here, more often than not
  write_file("/etc/resolv.conf", std::string("nameserver ") + k_user_name_server + '\n');
}

}  // namespace nestbox::agent
