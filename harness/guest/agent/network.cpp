#include "harness/guest/agent/network.hpp"

#include <dirent.h>
#include <net/if.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "harness/guest/agent/netlink.hpp"
#include "harness/guest/agent/system.hpp"
#include "harness/guest/user_network.hpp"

namespace nestbox::agent {

namespace {

/// Empty when no interface has this MAC address.
std::string interface_of(const std::string& mac) {
  std::string name;
  if (DIR* directory = opendir("/sys/class/net")) {
    while (const dirent* entry = readdir(directory))
      if (read_file(("/sys/class/net/" + std::string(entry->d_name) + "/address").c_str())
          == mac + '\n')
        name = entry->d_name;
    closedir(directory);
  }
  return name;
}

int raise_user_network(int interface) {
  RouteSocket routes;
  if (const int error =
          routes.add_address(interface, *parse_internet_address(k_user_network_address)))
    return error;
  if (const int error = routes.set_up(interface, true))
    return error;
  return routes.add_route(interface, *parse_internet_address("0.0.0.0/0"),
                          *parse_internet_address(k_user_network_gateway));
}

}  // namespace

void raise_loopback() {
  RouteSocket().set_up(static_cast<int>(if_nametoindex("lo")), true);
}

void raise_user_network() {
  const std::string interface = interface_of(k_user_network_mac);
  if (interface.empty())
    return;
  if (const int error = raise_user_network(static_cast<int>(if_nametoindex(interface.c_str()))))
    report("cannot bring up '" + interface + "': " + strerrordesc_np(error));
  unlink(
      "/etc/resolv.conf");  // a symlink to a resolver that does not run here, more often than not
  write_file("/etc/resolv.conf", std::string("nameserver ") + k_user_network_name_server + '\n');
}

}  // namespace nestbox::agent
