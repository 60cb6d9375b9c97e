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

}  // namespace

std::string ssh_config(const std::vector<MachineAccess>& machines, const AccessFiles& files) {
  std::string text;
  for (const MachineAccess& machine : machines)
    if (!machine.user.empty())
      text +=
          fmt::format("Host {0}\n  HostName {1}\n  Port {2}\n  User {3}\n  HostKeyAlias {0}\n\n",
                      machine.name, machine.host, machine.port, machine.user);
  return text + fmt::format(k_common, files.key, files.known_hosts);
}

}  // namespace nestbox
