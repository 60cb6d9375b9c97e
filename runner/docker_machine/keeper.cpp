#include "runner/docker_machine/keeper.hpp"

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/guest/login.hpp"
#include "harness/guest/run_in_machine.hpp"
#include "runner/docker_machine/engine.hpp"

namespace nestbox {
namespace {

constexpr int k_ssh_port = 22;

}  // namespace

std::unique_ptr<Forwarding> forward(Machine& machine, const std::vector<std::string>& server,
                                    const std::string& address, int usual_port) {
  const auto listen = [&](int port) {
    return std::make_unique<Forwarding>(machine, server, address, port);
  };
  Result<std::unique_ptr<Forwarding>> usual = catch_error([&] { return listen(usual_port); });
  return usual ? std::move(*usual) : listen(0);
}

void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel) {
  const std::string key = read_file(store.identity(kept.name).string() + ".pub");
  // As ssh looks a host up.
  const std::string host =
      kept.port == k_ssh_port ? kept.address : fmt::format("[{}]:{}", kept.address, kept.port);
  std::string known;
  for (const std::string& line : set_up_login(machine, kept.user, key, deadline, cancel))
    known += host + ' ' + line + '\n';
  write_file_atomically(store.known_hosts(kept.name), known);
}

std::string docker_version(Machine& machine, Deadline deadline, const CancelToken& cancel) {
  const Command command = {
      .argv = {"/bin/sh", "-c", "test -d /run/systemd/system && dockerd --version"}};
  return parse_engine_version(
      run_in_machine(machine.transport(), command, deadline, cancel).output);
}

Keeper::Keeper(Machine& machine, const std::string& own_address, Deadline deadline,
               const CancelToken& cancel)
    : m_machine(machine),
      m_ssh(forward(machine, ssh_connection_server(), m_address.text(), k_ssh_port)),
      m_docker(forward(machine, connection_to(own_address, k_engine_port), m_address.text(),
                       k_engine_port)),
      m_ports(machine, {.in_machine = own_address, .on_host = m_address.text()},
              {k_ssh_port, k_engine_port}, deadline, cancel) {}

void Keeper::keep(const CancelToken& stop) {
  CancelSource ended(stop);
  m_machine.on_end([&](Condition) { ended.cancel(); });
  const ScopeExit forget([&] { m_machine.on_end({}); });
  static_cast<void>(wait_readable(ended.token().descriptor(), Deadline::never()));
}

}  // namespace nestbox
