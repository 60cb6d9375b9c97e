#include "vmdrivers/ssh/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/guest/ssh_machine.hpp"
#include "tests/support/machine_shell.hpp"
#include "tests/support/ssh_server.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

class SshDriver : public testing::Test {
protected:
  void SetUp() override {
    if (!test::has_ssh_server())
      GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
    set_log_sink([](LogLevel, std::string_view) {});
    m_server.emplace();
    ::setenv("NESTBOX_SSH_CONFIG", settings().c_str(), 1);
    ::setenv("XDG_STATE_HOME", (m_directory.path() / "state").c_str(), 1);
    use_hosts("hosts: {lab: {}}\n");
  }
  void TearDown() override { set_log_sink(nullptr); }

  fs::path settings() const { return m_directory.path() / "ssh.yml"; }

  void use_hosts(const std::string& hosts, const std::string& more = {}) {
    std::ofstream(settings()) << "defaults: {address: 127.0.0.1, port: " << m_server->port()
                              << ", identity: " << m_server->identity().string()
                              << ", known_hosts: " << m_server->known_hosts().string() << more
                              << "}\n"
                              << hosts;
  }

  std::unique_ptr<Machine> boot() {
    MachineSpec spec;
    spec.name = "db";
    return m_driver->boot(spec, {}, soon(), {});
  }

  Error refusal() {
    try {
      boot();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "did not throw";
    return Error(ErrorCode::usage, "");
  }

  TemporaryDirectory m_directory;
  std::optional<test::SshServer> m_server;
  std::unique_ptr<Driver> m_driver = ssh::make_driver({});
};

TEST_F(SshDriver, SaysWhichHostsItHas) {
  use_hosts("hosts: {lab: {}, attic: {}}\n");
  EXPECT_EQ(m_driver->availability().reason, "hosts lab, attic");
  fs::remove(settings());
  const Availability availability = m_driver->availability();
  EXPECT_FALSE(availability.available);
  EXPECT_EQ(availability.reason, "no hosts are named in '" + settings().string() + "'");
  EXPECT_EQ(refusal().code, ErrorCode::unsupported);
}

TEST_F(SshDriver, RemovesTheWorkspaceInTheEnd) {
  auto machine = boot();
  const fs::path workspace = machine->workspace();
  EXPECT_TRUE(workspace.string().starts_with(m_server->home().string()));
  shell(*machine, "mkdir -p " + workspace.string() + "/d; echo x > " + workspace.string() + "/d/f");
  machine.reset();
  EXPECT_FALSE(fs::exists(workspace));
  EXPECT_EQ(shell(*boot(), "ls -A " + workspace.string()), "");
}

TEST_F(SshDriver, BringsTheAgentOnce) {
  boot().reset();
  const fs::path agent = m_server->home() / ssh_agent_path({.directory = ".cache/nestbox"});
  ASSERT_TRUE(fs::exists(agent));
  const auto brought = fs::last_write_time(agent);
  boot().reset();
  EXPECT_EQ(fs::last_write_time(agent), brought);
}

TEST_F(SshDriver, TellsCommandsWhereTheyAreAndHowTheyCallTheHost) {
  const auto machine = boot();
  EXPECT_EQ(shell(*machine, "echo \"$NESTBOX_WORKSPACE\""), machine->workspace() + "\n");
  EXPECT_EQ(shell(*machine, "test -S \"$NESTBOX_HOST_SOCKET\" && command -v nestbox > /dev/null "
                            "&& echo yes"),
            "yes\n");
}

TEST_F(SshDriver, DoesNotGiveOneHostToTwoControllers) {
  const auto machine = boot();
  // Another controller knows nothing of our locks.
  ::setenv("XDG_STATE_HOME", (m_directory.path() / "other").c_str(), 1);
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_THAT(error.message, HasSubstr("host 'lab' is leased to "));
  EXPECT_THAT(error.message, HasSubstr("(nestbox, process " + std::to_string(::getpid()) + ")"));
  EXPECT_THAT(error.render(), HasSubstr("while booting machine 'db' (driver ssh)"));
}

TEST_F(SshDriver, PassesOverAHostThatDoesNotAnswer) {
  use_hosts("hosts: {away: {port: 1}, lab: {}}\n");
  EXPECT_EQ(shell(*boot(), "echo hello"), "hello\n");
}

TEST_F(SshDriver, RefusesAHostWhoseKeyNobodyKnows) {
  std::ofstream(m_server->known_hosts()) << "";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_THAT(error.message,
              HasSubstr("shows a key that no known_hosts holds: " + m_server->fingerprint()));
  EXPECT_THAT(error.hint, HasSubstr("'host_key'"));
}

TEST_F(SshDriver, RefusesAHostWhoseKeyHasChanged) {
  const std::string other = read_file(m_server->identity().string() + ".pub");
  std::ofstream(m_server->known_hosts()) << "[127.0.0.1]:" << m_server->port() << " " << other;
  EXPECT_THAT(refusal().message, HasSubstr("shows another key than known_hosts holds"));
}

TEST_F(SshDriver, TakesAFingerprintForKnownHosts) {
  fs::remove(m_server->known_hosts());
  use_hosts("hosts: {lab: {}}\n", ", host_key: '" + m_server->fingerprint() + "'");
  EXPECT_EQ(shell(*boot(), "echo hello"), "hello\n");
  use_hosts("hosts: {lab: {}}\n", ", host_key: 'SHA256:other'");
  EXPECT_THAT(refusal().message, HasSubstr("which is not SHA256:other"));
}

TEST_F(SshDriver, SaysThatAKeyIsNotLetIn) {
  fs::remove(m_server->identity().parent_path() / "authorized_keys");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_THAT(error.message, HasSubstr("does not let us in"));
}

TEST_F(SshDriver, SaysThatAKeyCannotBeRead) {
  use_hosts("hosts: {lab: {identity: /nonexistent/key}}\n");
  EXPECT_THAT(refusal().message, HasSubstr("cannot read the private key '/nonexistent/key'"));
}

TEST_F(SshDriver, NoticesThatAHostIsLost) {
  const auto machine = boot();
  CancelSource ended;
  Condition condition = Condition::running;
  machine->on_end([&](Condition how) {
    condition = how;
    ended.cancel();
  });
  m_server->kill();
  ASSERT_EQ(wait_readable(ended.token().descriptor(), soon()), Wait::ready);
  EXPECT_EQ(condition, Condition::lost);
  EXPECT_EQ(machine->condition(), Condition::lost);
  EXPECT_THROW(machine->transport().ping(soon(), {}), Error);
}

TEST_F(SshDriver, RefusesToFork) {
  EXPECT_THROW(m_driver->fork({}, {}, soon(), {}), Error);
  EXPECT_THROW(boot()->save(soon()), Error);
}

TEST(SshCommands, AreWhatALoginShellIsGiven) {
  const SshMachineOptions options = {
      .holder = "host a (nestbox)", .directory = "/x y", .sudo = true};
  const std::string agent = ssh_agent_path(options);
  EXPECT_EQ(ssh_serve_command(options), "exec /bin/sh -c 'test -x \"$0\" || exit 98; exec \"$@\"' '"
                                            + agent + "' sudo -n -- '" + agent
                                            + "' --stdio --lease '/x y' 'host a (nestbox)'");
  EXPECT_THAT(ssh_upload_command(options, 17), testing::EndsWith(" '" + agent + "' 17"));
}

}  // namespace
}  // namespace nestbox
