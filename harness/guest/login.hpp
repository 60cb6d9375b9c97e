#pragma once

#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// Lets `user` into the machine over ssh with the private half of `public_key` (a line of
/// authorized_keys). One that there is not yet is made, with passwordless sudo where there is sudo.
/// Returns the keys by which the machine's ssh server proves who it is: "ssh-ed25519 AAAA…".
/// Error(infrastructure) when it has no ssh server, Error(timeout), Error(cancelled), and what
/// Transport::run throws.
std::vector<std::string> set_up_login(Machine& machine, const std::string& user,
                                      const std::string& public_key, Deadline deadline,
                                      const CancelToken& cancel);

/// The ssh server of one connection, which stands where a network would: on its stdin and stdout.
const std::vector<std::string>& ssh_connection_server();

/// Starts an ssh server on port 22, unless one listens there. Throws as set_up_login.
void start_ssh_server(Machine& machine, Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
