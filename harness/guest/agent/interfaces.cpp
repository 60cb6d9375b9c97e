#include "harness/guest/agent/interfaces.hpp"

#include <dirent.h>
#include <net/if.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "harness/guest/agent/system.hpp"
#include "harness/guest/user_network.hpp"

namespace nestbox::agent {

namespace {

constexpr std::uint32_t k_least_mtu = 68;
constexpr std::uint32_t k_most_mtu = 65535;

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  if (DIR* directory = opendir(path.c_str())) {
    while (const dirent* entry = readdir(directory))
      if (entry->d_name[0] != '.')
        names.emplace_back(entry->d_name);
    closedir(directory);
  }
  return names;
}

/// The interfaces of the wired devices in their order on the bus. An empty name stands for a device
/// whose interface the machine has given to another network namespace.
std::vector<std::string> wired_interfaces() {
  const std::string driver = "/sys/bus/virtio/drivers/virtio_net/";
  std::vector<std::pair<int, std::string>> devices;
  for (const std::string& name : names_in(driver))
    if (name.starts_with("virtio"))
      devices.emplace_back(std::atoi(name.c_str() + 6), driver + name + "/net/");
  std::ranges::sort(devices);
  std::vector<std::string> interfaces;
  for (const auto& [number, path] : devices) {
    const std::vector<std::string> names = names_in(path);
    const std::string name = names.empty() ? "" : names.front();
    if (read_file((path + name + "/address").c_str()) != std::string(k_user_network_mac) + '\n')
      interfaces.push_back(name);
  }
  return interfaces;
}

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

std::string failure(const std::string& what, const std::string& name, int error_number) {
  return "cannot " + what + " '" + name + "': " + strerrordesc_np(error_number);
}

}  // namespace

std::optional<std::string> Interfaces::flaw(const Wanted& wanted) {
  for (const ThawMessage::Interface& interface : wanted) {
    if (!interface.mac.empty() && !parse_hardware_address(interface.mac))
      return "'" + interface.mac + "' is no MAC address";
    if (interface.mtu != 0 && (interface.mtu < k_least_mtu || interface.mtu > k_most_mtu))
      return "an MTU of " + std::to_string(interface.mtu) + " bytes";
    for (const std::string& address : interface.addresses)
      if (!parse_internet_address(address) || address.find('/') == std::string::npos)
        return "'" + address + "' is no address with a prefix";
    for (const ThawMessage::Route& route : interface.routes) {
      const auto destination = parse_internet_address(route.destination);
      const auto gateway = parse_internet_address(route.gateway);
      if (!destination || !gateway || destination->family != gateway->family)
        return "no route leads to '" + route.destination + "' by '" + route.gateway + "'";
    }
  }
  return std::nullopt;
}

std::optional<std::string> Interfaces::change(const Wanted& wanted) {
  if (wanted.empty())
    return std::nullopt;
  const std::vector<std::string> names = wired_interfaces();
  if (wanted.size() > names.size())
    return "the machine has " + std::to_string(names.size()) + " wired network devices, not "
           + std::to_string(wanted.size());
  m_given.resize(std::max(m_given.size(), wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (names[i].empty() || m_given[i] == wanted[i])
      continue;
    if (auto failed = change(names[i], m_given[i], wanted[i]))
      return failed;
    m_given[i] = wanted[i];
  }
  return std::nullopt;
}

std::optional<std::string> Interfaces::change(const std::string& name,
                                              const ThawMessage::Interface& from,
                                              const ThawMessage::Interface& to) {
  const int index = static_cast<int>(if_nametoindex(name.c_str()));
  for (const ThawMessage::Route& route : from.routes)
    if (std::ranges::find(to.routes, route) == to.routes.end())
      m_routes.remove_route(index, *parse_internet_address(route.destination),
                            *parse_internet_address(route.gateway));
  for (const std::string& address : from.addresses)
    if (!holds(to.addresses, address))
      m_routes.remove_address(index, *parse_internet_address(address));
  if (const auto mac = parse_hardware_address(to.mac)) {
    const std::string now = read_file(("/sys/class/net/" + name + "/address").c_str());
    if (parse_hardware_address(now.substr(0, now.find('\n'))) != mac) {
      // Down and up again: it gets a link-local address of its own from the new one.
      m_routes.set_up(index, false);
      if (const int error = m_routes.set_hardware_address(index, *mac))
        return failure("give MAC address '" + to.mac + "' to", name, error);
    }
  }
  if (to.mtu != 0)
    if (const int error = m_routes.set_mtu(index, to.mtu))
      return failure("give an MTU of " + std::to_string(to.mtu) + " bytes to", name, error);
  if (const int error = m_routes.set_up(index, true))
    return failure("bring up", name, error);
  for (const std::string& address : to.addresses)
    if (const int error = m_routes.add_address(index, *parse_internet_address(address)))
      return failure("give address '" + address + "' to", name, error);
  for (const ThawMessage::Route& route : to.routes)
    if (const int error = m_routes.add_route(index, *parse_internet_address(route.destination),
                                             *parse_internet_address(route.gateway)))
      return failure("route '" + route.destination + "' by '" + route.gateway + "' on", name,
                     error);
  return std::nullopt;
}

}  // namespace nestbox::agent
