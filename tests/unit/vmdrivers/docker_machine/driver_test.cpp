#include "vmdrivers/docker_machine/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/owner.hpp"
#include "tests/support/machine_shell.hpp"
#include "tests/unit/vmdrivers/docker_machine/stand_in.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DockerMachineDriver : public testing::Test {
protected:
  void SetUp() override {
    if (!test::has_ssh_server())
      GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
    m_stand_in.emplace();
  }

  std::unique_ptr<Machine> boot() {
    MachineSpec spec;
    spec.name = "db";
    return m_driver->boot(spec, {}, soon(), {});
  }

  fs::path notes() const { return m_stand_in->state() / "nestbox/docker-machine/created"; }

  std::optional<test::StandIn> m_stand_in;
  std::unique_ptr<Driver> m_driver = docker_machine::make_driver({});
};

TEST_F(DockerMachineDriver, CreatesAMachineAndRemovesItInTheEnd) {
  auto machine = boot();
  ASSERT_EQ(m_stand_in->machines().size(), 1U);
  const std::string name = m_stand_in->machines()[0];
  EXPECT_EQ(shell(*machine, "echo hello"), "hello\n");
  machine.reset();
  EXPECT_THAT(m_stand_in->machines(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(notes()));
  EXPECT_THAT(m_stand_in->calls(),
              ElementsAre("create --driver standin --standin-size small --standin-fast 1 " + name,
                          "inspect " + name, "rm -f -y " + name));
}

TEST_F(DockerMachineDriver, SaysWhyNothingWasCreatedAndRemovesWhatMayBeThere) {
  m_stand_in->fail("create");
  try {
    boot();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message, HasSubstr("the stand-in was told to fail"));
    EXPECT_THAT(error.render(), HasSubstr("while booting machine 'db' (driver docker-machine)"));
  }
  EXPECT_THAT(m_stand_in->calls().back(), StartsWith("rm -f -y nestbox-"));
  EXPECT_TRUE(fs::is_empty(notes()));
}

TEST_F(DockerMachineDriver, RemovesAMachineThatCannotBeEntered) {
  m_stand_in->kill_servers();
  EXPECT_THROW(boot(), Error);
  EXPECT_THAT(m_stand_in->machines(), IsEmpty());
}

TEST_F(DockerMachineDriver, ReapsWhatItsDeadCreatorLeft) {
  Owner dead = this_owner();
  dead.start_time -= 1;
  fs::create_directories(m_stand_in->store() / "machines/nestbox-1");
  fs::create_directories(notes());
  write_file_atomically(notes() / "nestbox-1", to_string(dead));
  write_file_atomically(notes() / "nestbox-2", to_string(this_owner()));

  const auto seen = m_driver->reap(true, soon(), {});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].what, "machine 'nestbox-1'");
  EXPECT_EQ(seen[0].owner, to_string(dead));
  EXPECT_FALSE(m_stand_in->machines().empty());

  EXPECT_EQ(m_driver->reap(false, soon(), {}).size(), 1U);
  EXPECT_THAT(m_stand_in->machines(), IsEmpty());
  EXPECT_THAT(m_driver->reap(false, soon(), {}), IsEmpty());
  EXPECT_TRUE(fs::exists(notes() / "nestbox-2"));
}

TEST_F(DockerMachineDriver, SaysWhatCouldNotBeReaped) {
  Owner dead = this_owner();
  dead.start_time -= 1;
  fs::create_directories(notes());
  write_file_atomically(notes() / "nestbox-1", to_string(dead));
  m_stand_in->fail("rm");
  const auto seen = m_driver->reap(false, soon(), {});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_THAT(seen[0].failed, HasSubstr("the stand-in was told to fail"));
  EXPECT_TRUE(fs::exists(notes() / "nestbox-1"));
}

TEST_F(DockerMachineDriver, SaysWhatItNeeds) {
  EXPECT_EQ(m_driver->availability().reason,
            "docker-machine version 0.16.2, build bd45ab13, driver standin");
  ::setenv("NESTBOX_DOCKER_MACHINE_CONFIG", "/nonexistent/x.yml", 1);
  const Availability without = m_driver->availability();
  EXPECT_FALSE(without.available);
  EXPECT_EQ(without.reason, "there is no '/nonexistent/x.yml'");
  EXPECT_NE(without.hint, "");
}

}  // namespace
}  // namespace nestbox
