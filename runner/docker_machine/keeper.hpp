#pragma once

#include <string>

#include "harness/base/clock.hpp"
#include "harness/env/environment.hpp"
#include "runner/docker_machine/machine_store.hpp"

namespace nestbox {

/// Sets the machine up as docker-machine's are: a user 'docker' with our key and passwordless sudo,
/// and writes down which host key it shows. Error(infrastructure) when it lacks an ssh server.
void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel);

/// Keeps a machine for others: forwards a port of the loopback to an ssh server in it, and a unix
/// socket to its docker, each connection on a thread of its own.
class Keeper {
public:
  /// Listens. Throws Error(io).
  Keeper(Machine& machine, const std::filesystem::path& docker_socket);

  int port() const { return m_port; }

  /// Until the machine has ended or `stop` says so; what is connected then is cut off.
  void keep(const CancelToken& stop);

private:
  Machine& m_machine;
  FileDescriptor m_ssh;
  FileDescriptor m_docker;
  int m_port = 0;
};

}  // namespace nestbox
