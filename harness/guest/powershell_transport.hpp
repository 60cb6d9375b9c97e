#pragma once

#include <memory>

#include "harness/guest/powershell_script.hpp"
#include "harness/guest/ssh_endpoint.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// Where commands of a Windows machine run.
struct WindowsPlace {
  SshEndpoint endpoint;
  WindowsShell shell = WindowsShell::cmd;
  WindowsLease lease;
};

/// Runs commands in a Windows machine by PowerShell over ssh, on a connection each, and carries
/// trees as tar archives. Commands begin in the lease's workspace unless told; deadlines and cancel
/// end the process and those that descend from it, as far as their parents live.
/// Different from an agent's: modes are not kept, sparse files become whole, a machine is what it
/// is (thaw and quiesce do nothing), its programs do not call the host, and Command::terminal is
/// Error(unsupported).
/// Owns `session`, whose end ends the lease.
std::unique_ptr<Transport> make_powershell_transport(WindowsPlace place, FileDescriptor session);

}  // namespace nestbox
