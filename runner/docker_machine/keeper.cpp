#include "runner/docker_machine/keeper.hpp"

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/guest/login.hpp"

namespace nestbox {

void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel) {
  const std::string key = read_file(store.identity(kept.name).string() + ".pub");
  std::string known;
  for (const std::string& line : set_up_login(machine, kept.user, key, deadline, cancel))
    known += fmt::format("[{}]:{} {}\n", kept.address, kept.port, line);
  write_file_atomically(store.known_hosts(kept.name), known);
}

Keeper::Keeper(Machine& machine, const fs::path& docker_socket)
    : m_machine(machine), m_ssh(machine, ssh_connection_server()),
      m_docker(machine, {"docker", "system", "dial-stdio"}, docker_socket) {}

void Keeper::keep(const CancelToken& stop) {
  CancelSource ended(stop);
  m_machine.on_end([&](Condition) { ended.cancel(); });
  const ScopeExit forget([&] { m_machine.on_end({}); });
  static_cast<void>(wait_readable(ended.token().descriptor(), Deadline::never()));
}

}  // namespace nestbox
