#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "tests/support/ssh_server.hpp"

namespace nestbox::test {

/// Two hosts, both one sshd of our own, in a settings file that the driver is pointed at; its
/// state directory is ours, too.
class SshPool {
public:
  SshPool() {
    const fs::path file = m_directory.path() / "ssh.yml";
    std::ofstream(file) << "defaults:\n  address: 127.0.0.1\n  port: " << m_server.port()
                        << "\n  identity: " << m_server.identity().string()
                        << "\n  known_hosts: " << m_server.known_hosts().string()
                        << "\nhosts:\n  one: {directory: first}\n  two: {directory: second}\n";
    ::setenv("NESTBOX_SSH_CONFIG", file.c_str(), 1);
    ::setenv("XDG_STATE_HOME", (m_directory.path() / "state").c_str(), 1);
  }

  SshServer& server() { return m_server; }

private:
  TemporaryDirectory m_directory;
  SshServer m_server;
};

/// The one pool of this program; made when first asked for.
inline SshPool& ssh_pool() {
  static SshPool pool;
  return pool;
}

}  // namespace nestbox::test
