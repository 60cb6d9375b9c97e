#pragma once

#include <filesystem>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"

namespace nestbox {

/// By what a server must prove that it is who we mean.
struct SshHostKey {
  /// "SHA256:…", as `ssh-keygen -l` prints it; empty: looked up in known_hosts.
  std::string fingerprint{};
  /// Empty: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts.
  std::filesystem::path known_hosts{};
  /// Any key will do: for a machine that was made a moment ago and whose key nobody told us.
  bool accept_any = false;

  bool operator==(const SshHostKey&) const = default;
};

/// Where an ssh server is, and who enters how. ~/.ssh/config has no say in it.
struct SshEndpoint {
  std::string address{};  ///< a name or an IP address
  int port = 22;
  std::string user{};  ///< empty: our own name
  /// A private key without a passphrase. Empty: what ssh-agent holds, then ~/.ssh/id_*.
  std::filesystem::path identity{};
  SshHostKey host_key{};

  bool operator==(const SshEndpoint&) const = default;
};

/// "user@host:port", for messages.
std::string to_string(const SshEndpoint& endpoint);

/// Who enters: our own name when the endpoint has none.
std::string ssh_user(const SshEndpoint& endpoint);

/// A TCP connection to it that notices when its peer is gone without a word, after half a minute or
/// so. `what` is for messages. Error(lost), Error(timeout), Error(cancelled).
FileDescriptor connect_to_ssh(const SshEndpoint& endpoint, const std::string& what,
                              Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
