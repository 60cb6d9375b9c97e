#include "harness/env/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/functional/tiny_machines.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

/// Environments on real machines, in the tests' shared cache.
class EnvironmentMachines : public testing::Test {
protected:
  EnvironmentMachines() : m_driver(make_machine_driver()), m_cache(cache_directory()) {}

  std::shared_ptr<PreparedEnvironment> prepare(const Environment& environment) {
    return EnvironmentBuilder(m_cache, *m_driver, m_progress)
        .prepare(environment, m_folder.path(), {});
  }

  std::unique_ptr<Machine> machine(PreparedEnvironment& prepared,
                                   Isolation isolation = Isolation::fork) {
    return prepared.machine("box", isolation, soon(), {});
  }

  static Environment with_steps(const char* name, std::vector<Step> steps) {
    Environment environment = builtin_environments().at(name);
    environment.steps = std::move(steps);
    return environment;
  }

  TemporaryDirectory m_folder;
  std::unique_ptr<Driver> m_driver;
  LayerCache m_cache;
  ProgressRecorder m_progress;
};

TEST_F(EnvironmentMachines, HaveWhatTheirStepsDid) {
  write_file_atomically(m_folder.path() / "a file", "copied\n");
  auto prepared = prepare(
      with_steps("tiny", {RunStep{"echo built; echo $$ > /tmp/step"}, CopyStep{"a file", "/etc/b"},
                          RunStep{"cat /etc/b > /etc/c; ip link add dummy9 type dummy"}}));
  auto box = machine(*prepared);
  EXPECT_EQ(shell(*box, "cat /etc/b /etc/c; ls -d /sys/class/net/dummy9; hostname"),
            "copied\ncopied\n/sys/class/net/dummy9\nbox\n");
  box.reset();
  auto fresh = machine(*prepared, Isolation::fresh);
  EXPECT_EQ(shell(*fresh, "cat /etc/c; ls -d /sys/class/net/dummy9"),
            "copied\n/sys/class/net/dummy9\n");
}

TEST_F(EnvironmentMachines, AreNeverTheSame) {
  auto prepared = prepare(builtin_environments().at("tiny"));
  std::set<std::string> identities;
  for (int i = 0; i < 3; ++i)
    identities.insert(
        shell(*machine(*prepared), "cat /etc/machine-id; head -c 16 /dev/urandom | od -x"));
  EXPECT_EQ(identities.size(), 3U);
}

TEST_F(EnvironmentMachines, ReportTheStepThatFails) {
  try {
    prepare(with_steps("tiny", {RunStep{"echo it is broken >&2; false"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message,
                MatchesRegex("step 1: .* of environment 'tiny' failed: exit code 1\nit is broken"));
  }
}

TEST_F(EnvironmentMachines, CarryPackagesModulesAndAWritableDisk) {
  Environment environment = with_steps("debian", {RunStep{"echo kept > /srv/file"}});
  environment.packages = {"nftables"};
  auto prepared = prepare(environment);
  auto box = machine(*prepared);
  EXPECT_EQ(shell(*box, "nft add table inet t && nft list tables"), "table inet t\n");
  EXPECT_EQ(shell(*box, "ip netns add n && ip link add v0 type veth peer name v1 netns n && ip "
                        "netns exec n ip -br link "
                        "show v1 | cut -c1-2"),
            "v1\n");
  EXPECT_EQ(shell(*box, "dpkg --audit; cat /srv/file; echo more > /srv/more; sync; stat -c %U:%a "
                        "/etc/shadow /tmp"),
            "kept\nroot:640\nroot:1777\n");
  box.reset();
  EXPECT_EQ(shell(*machine(*prepared), "ls /srv"), "file\n")
      << "what a machine writes dies with it";
  EXPECT_EQ(shell(*machine(*prepared, Isolation::fresh), "cat /srv/file"), "kept\n");
}

TEST_F(EnvironmentMachines, RunSystemdWithoutAFailedUnit) {
  auto prepared = prepare(builtin_environments().at("debian-systemd"));
  auto box = machine(*prepared);
  EXPECT_EQ(shell(*box, "ps -o comm= -p 1; systemctl --failed --no-legend; systemctl is-active "
                        "dbus multi-user.target; "
                        "hostname"),
            "systemd\nactive\nactive\nbox\n");
  EXPECT_EQ(shell(*box, "echo later | systemd-cat -t it; journalctl --sync; "
                        "journalctl -q -o cat -u multi-user.target; journalctl -q -o cat -t it"),
            "Reached target multi-user.target - Multi-User System.\nlater\n")
      << "its own words, and those of its template";
}

}  // namespace
}  // namespace nestbox
