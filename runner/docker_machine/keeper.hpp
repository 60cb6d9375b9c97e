#pragma once

#include <memory>

#include "harness/base/clock.hpp"
#include "runner/docker_machine/loopback_address.hpp"
#include "runner/docker_machine/machine_store.hpp"
#include "runner/docker_machine/published_ports.hpp"

namespace nestbox {

/// Sets the machine up as docker-machine's are: a user 'docker' with our key and passwordless sudo,
/// and writes down which host key it shows. Throws what set_up_login of harness/guest does.
void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel);

/// On the usual port of an address, or on any that is free where that cannot be had: a server of
/// this host may listen there on all addresses, and low ports may be root's. Throws Error(io).
std::unique_ptr<Forwarding> forward(Machine& machine, const std::vector<std::string>& server,
                                    const std::string& address, int usual_port);

/// The version of the docker in a machine; empty when there is none that systemd starts.
std::string docker_version(Machine& machine, Deadline deadline, const CancelToken& cancel);

/// Keeps a machine for others, at an address of the loopback that is its alone: there an ssh server
/// in it is reached, and whatever else in it listens.
class Keeper {
public:
  /// Listens; `own_address` is one of the machine's. Throws Error(io).
  Keeper(Machine& machine, const std::string& own_address, Deadline deadline,
         const CancelToken& cancel);

  const std::string& address() const { return m_address.text(); }
  /// 22, or another where that cannot be had.
  int ssh_port() const { return m_ssh->port(); }
  /// 2376, or another: where its docker is, if it has one.
  int docker_port() const { return m_docker->port(); }

  /// Blocks until the machine has ended or `stop` says so.
  void keep(const CancelToken& stop);

private:
  Machine& m_machine;
  LoopbackAddress m_address;
  std::unique_ptr<Forwarding> m_ssh;
  std::unique_ptr<Forwarding> m_docker;
  PublishedPorts m_ports;
};

}  // namespace nestbox
