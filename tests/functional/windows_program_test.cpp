// Tests for Windows, through the program as a user runs it, on stand-ins for Windows machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/nestbox_program.hpp"
#include "tests/support/ssh_server.hpp"
#include "tests/support/windows_shell.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

class WindowsProgram : public testing::Test {
protected:
  void SetUp() override {
    if (!test::has_ssh_server())
      GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
    m_server.emplace(test::windows_shell(WindowsShell::cmd));
    use_hosts("win: " + host(*m_server, "windows: true"));
  }

  static std::string host(const test::SshServer& server, const std::string& more) {
    return "{address: 127.0.0.1, port: " + std::to_string(server.port())
           + ", identity: " + server.identity().string()
           + ", known_hosts: " + server.known_hosts().string() + ", " + more + "}";
  }

  void use_hosts(const std::string& hosts) {
    const fs::path file = m_nestbox.home() / "ssh.yml";
    std::ofstream(file) << "hosts: {" << hosts << "}\n";
    m_nestbox.environment["NESTBOX_SSH_CONFIG"] = file;
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(m_nestbox.working_directory / name) << text;
  }

  /// Both its streams are in the output.
  Captured run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"run", "-v", "--driver", "ssh"});
    Captured captured = m_nestbox.run(std::move(arguments));
    captured.output += captured.diagnostics;
    return captured;
  }

  std::optional<test::SshServer> m_server;
  NestboxProgram m_nestbox;
};

TEST_F(WindowsProgram, RunsScriptsAndKeepsWhatTheyLeave) {
  write("test_kept.ps1",
        "Write-Output \"on $env:NESTBOX_DRIVER\"\n"
        "Set-Content -LiteralPath \"$env:TEST_OUTPUT_DIR\\left.txt\" -Value 'kept'\n"
        "exit 0\n");
  write("test_bad.cmd", "@echo off\necho in %TEST_SCRATCH_DIR%\nexit /b 4\n");
  write("test_unix.sh", "#!/bin/sh\ntrue\n");
  const Captured done = run({});
  EXPECT_EQ(done.status.code, 1) << done.output;
  EXPECT_THAT(done.output, HasSubstr("on ssh"));
  EXPECT_THAT(done.output, HasSubstr("in C:\\nestbox\\workspace\\scratch"));
  EXPECT_THAT(done.output, HasSubstr("needs a Unix shell; driver 'ssh' has Windows machines"));
  EXPECT_THAT(done.output, HasSubstr("1 passed"));
  EXPECT_THAT(done.output, HasSubstr("1 failed"));
  EXPECT_THAT(done.output, HasSubstr("1 skipped"));
  bool kept = false;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(m_nestbox.newest_run()))
    kept = kept || (entry.path().filename() == "left.txt" && read_file(entry.path()) == "kept\r\n");
  EXPECT_TRUE(kept);
  EXPECT_TRUE(m_nestbox.processes_gone());
}

TEST_F(WindowsProgram, GivesEachTestTheSystemThatItNeeds) {
  const test::SshServer unix_server;
  use_hosts("win: " + host(*m_server, "windows: true") + ", lab: " + host(unix_server, ""));
  m_nestbox.write_script("test_unix.sh", "#!/bin/sh\necho from $(uname)\n");
  write("nestbox.yml", "version: 1\ntests:\n"
                       "  powershell: {run: \"Write-Output 'from Windows'\", "
                       "needs: {windows: true}}\n"
                       "  unix: {script: test_unix.sh}\n");
  const Captured done = run({});
  EXPECT_EQ(done.status.code, 0) << done.output;
  EXPECT_THAT(done.output, HasSubstr("from Windows"));
  EXPECT_THAT(done.output, HasSubstr("from Linux"));
  EXPECT_THAT(done.output, HasSubstr("2 passed"));
}

TEST_F(WindowsProgram, RunsAProgramWhereverThereIsAMachine) {
  const Captured done = run({"--", "echo", "two words"});
  EXPECT_EQ(done.status.code, 0) << done.output;
  EXPECT_THAT(done.output, HasSubstr("two words"));
}

TEST_F(WindowsProgram, SkipsTestsForWindowsWhereThereIsNone) {
  write("test_a.ps1", "exit 0\n");
  Captured done = m_nestbox.run({"run", "-v", "--driver", "local"});
  done.output += done.diagnostics;
  EXPECT_THAT(done.output, HasSubstr("needs Windows; driver 'local' runs on this host"));
  EXPECT_THAT(done.output, HasSubstr("1 skipped"));
}

}  // namespace
}  // namespace nestbox
