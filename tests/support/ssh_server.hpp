#pragma once

#include <string>
#include <thread>

#include "harness/base/filesystem.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/guest/ssh_endpoint.hpp"

namespace nestbox::test {

/// Whether SshServer can run here: Debian's openssh-server is installed.
bool has_ssh_server();

/// A real sshd of our own on a port of the loopback: own keys, own configuration, own home
/// directory; our own user is let in. Ends, with all that was started through it, when dropped.
class SshServer {
public:
  /// `shell` is given the command line of whoever enters as its last word; a shell reads it, with
  /// HOME set to home().
  explicit SshServer(std::string shell = "/bin/sh -c");
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;
  ~SshServer();

  /// With the right user key, and known_hosts that hold the server's.
  SshEndpoint endpoint() const;
  int port() const { return m_port; }
  fs::path identity() const { return m_directory.path() / "user_key"; }
  fs::path authorized_keys() const { return m_directory.path() / "authorized_keys"; }
  fs::path known_hosts() const { return m_directory.path() / "known_hosts"; }
  /// Where commands start; empty at first.
  fs::path home() const { return m_directory.path() / "home"; }
  std::string fingerprint() const;

  /// Kills the server and every connection to it.
  void kill();

private:
  void write_files() const;
  bool start();

  TemporaryDirectory m_directory;
  std::string m_shell;
  int m_port = 0;
  std::optional<Process> m_process;
  std::thread m_log_reader;
};

}  // namespace nestbox::test
