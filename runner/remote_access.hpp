#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "harness/env/world.hpp"
#include "harness/guest/forwarding.hpp"
#include "harness/model/exposed_variable.hpp"

namespace nestbox {

/// The machine, or this host, on which the process of a test runs that drives a world from outside.
struct DrivingPlace {
  Machine& machine;
  std::string name;  ///< in the world, or k_from_host
  bool on_host = false;
};

/// Lets the process of a test into the machines of its world, over ssh: a key made for this once,
/// users with it, ways to the machines (forwarded ports of the loopback for a process on this host;
/// an ssh server on port 22 for one in a machine of the world; the verb `connect` for one in a
/// container), and an ssh_config that knows all of it. Ends with this object; the world and the
/// place outlive it.
class RemoteAccess {
public:
  /// Blocks. Puts what the process needs into `workspace`/ssh of its place. Error(infrastructure)
  /// for a machine without an ssh server; Error(lost), Error(timeout), Error(cancelled).
  RemoteAccess(World& world, const DrivingPlace& place, Deadline deadline,
               const CancelToken& cancel);

  /// In the world's order.
  const std::vector<MachineAccess>& machines() const { return m_machines; }
  const AccessFiles& files() const { return m_files; }

  /// NESTBOX_SSH_CONFIG, and those that are made from the machines; "each" is each but the place.
  std::map<std::string, std::string>
  variables(const std::map<std::string, ExposedVariable>& exposed) const;

  /// A directory on this host for the front of PATH: there `ssh`, `scp` and `sftp` know the
  /// ssh_config. Empty: there is none.
  const std::string& programs() const { return m_programs; }

private:
  void enter_machines(World& world, const std::string& public_key, std::string& known_hosts,
                      Deadline deadline, const CancelToken& cancel);
  void put_files(const fs::path& staging, Deadline deadline, const CancelToken& cancel);

  DrivingPlace m_place;
  std::vector<MachineAccess> m_machines;
  AccessFiles m_files;
  std::string m_programs;
  std::list<Forwarding> m_forwardings;
};

}  // namespace nestbox
