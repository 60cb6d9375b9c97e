#pragma once

#include <filesystem>

#include "harness/base/clock.hpp"
#include "harness/guest/forwarding.hpp"
#include "runner/docker_machine/machine_store.hpp"

namespace nestbox {

/// Sets the machine up as docker-machine's are: a user 'docker' with our key and passwordless sudo,
/// and writes down which host key it shows. Throws what set_up_login of harness/guest does.
void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel);

/// Keeps a machine for others: forwards a port of the loopback to an ssh server in it, and a unix
/// socket to its docker.
class Keeper {
public:
  /// Listens. Throws Error(io).
  Keeper(Machine& machine, const std::filesystem::path& docker_socket);

  int port() const { return m_ssh.port(); }

  /// Blocks until the machine has ended or `stop` says so.
  void keep(const CancelToken& stop);

private:
  Machine& m_machine;
  Forwarding m_ssh;
  Forwarding m_docker;
};

}  // namespace nestbox
