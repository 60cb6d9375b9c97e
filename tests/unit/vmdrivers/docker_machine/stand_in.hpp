#pragma once

#include <array>
#include <cstdlib>
#include <fstream>

#include "harness/base/text.hpp"
#include "tests/support/ssh_server.hpp"

namespace nestbox::test {

/// The stand-in for docker-machine (tests/support/docker_machine) with two sshds of our own
/// behind it, and the settings that lead the driver to it.
class StandIn {
public:
  StandIn() {
    const fs::path file = m_directory.path() / "docker-machine.yml";
    std::ofstream(file) << "program: " << NESTBOX_SOURCE_DIR << "/tests/support/docker_machine\n"
                        << "driver: standin\noptions: {standin-size: small, standin-fast: 1}\n"
                        << "sudo: false\n";
    ::setenv("NESTBOX_DOCKER_MACHINE_CONFIG", file.c_str(), 1);
    ::setenv("XDG_STATE_HOME", state().c_str(), 1);
    ::setenv("MACHINE_STORAGE_PATH", store().c_str(), 1);
    std::string servers;
    for (const SshServer& server : m_servers)
      servers += std::to_string(server.port()) + ":" + server.identity().string() + " ";
    ::setenv("STANDIN_SERVERS", servers.c_str(), 1);
    ::unsetenv("STANDIN_FAIL");
  }

  /// Lets this command fail from now on.
  static void fail(const char* command) { ::setenv("STANDIN_FAIL", command, 1); }
  static void recover() { ::unsetenv("STANDIN_FAIL"); }

  void kill_servers() {
    for (SshServer& server : m_servers)
      server.kill();
  }
  fs::path state() const { return m_directory.path() / "state"; }
  fs::path store() const { return m_directory.path() / "store"; }

  /// The names of the machines that there are.
  std::vector<std::string> machines() const {
    std::vector<std::string> names;
    if (fs::exists(store() / "machines"))
      for (const auto& entry : fs::directory_iterator(store() / "machines"))
        names.push_back(entry.path().filename());
    return names;
  }

  std::vector<std::string> calls() const { return split(trim(read_file(store() / "calls")), '\n'); }

private:
  TemporaryDirectory m_directory;
  std::array<SshServer, 2> m_servers;
};

}  // namespace nestbox::test
