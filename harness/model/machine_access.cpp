#include "harness/model/machine_access.hpp"

#include <fmt/format.h>

namespace nestbox {
namespace {

constexpr const char* k_common = R"(Host *
  BatchMode yes
  ConnectTimeout 60
  ControlPath none
  GlobalKnownHostsFile /dev/null
  IdentitiesOnly yes
  IdentityFile "{}"
  LogLevel ERROR
  ServerAliveInterval 60
  StrictHostKeyChecking yes
  UserKnownHostsFile "{}"
)";

/// By its name; one that no network leads to by the address that its peers know, too.
std::string entry(const MachineAccess& machine) {
  std::string text = "Host " + machine.name;
  if (machine.by_verb)
    text += fmt::format("{}{}\n  ProxyCommand nestbox connect {}\n",
                        machine.address.empty() ? "" : " ", machine.address, machine.name);
  else
    text += fmt::format("\n  HostName {}\n  Port {}\n", machine.host, machine.port);
  return text + fmt::format("  User {}\n  HostKeyAlias {}\n\n", machine.user, machine.name);
}

}  // namespace

std::string ssh_config(const std::vector<MachineAccess>& machines, const AccessFiles& files) {
  std::string text;
  for (const MachineAccess& machine : machines)
    if (!machine.user.empty())
      text += entry(machine);
  return text + fmt::format(k_common, files.key, files.known_hosts);
}

}  // namespace nestbox
