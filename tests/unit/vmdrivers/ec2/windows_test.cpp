#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/base64.hpp"
#include "harness/guest/run_in_machine.hpp"
#include "tests/support/aws_server.hpp"
#include "tests/support/ssh_server.hpp"
#include "tests/support/windows_shell.hpp"
#include "vmdrivers/ec2/driver.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(2min);
}

/// An instance of the local AWS is a stand-in for a Windows machine behind a real sshd.
class Ec2Windows : public testing::Test {
protected:
  void SetUp() override {
    if (!test::has_ssh_server())
      GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
    m_server.emplace(test::windows_shell(WindowsShell::cmd));
    const std::string user = run_checked({.argv = {"id", "-un"}}, Deadline::never());
    m_settings =
        parse_settings("{image: ami-0123456789abcdef0, windows: true, disk: 40GiB}", "ec2.yml");
    m_settings.user = user.substr(0, user.find('\n'));
    m_settings.ssh_port = m_server->port();
  }

  std::unique_ptr<Driver> driver() {
    return assemble_driver(
        [this] { return m_settings; }, m_aws.variables(),
        {1ms, {.first = 1ms, .longest = 5ms, .attempts = 5}},
        [this](const MachineSpec& spec, const SshEndpoint& endpoint, const Settings& settings,
               Deadline deadline, const CancelToken& cancel) {
          // What the init script does.
          fs::copy_file(endpoint.identity.string() + ".pub", m_server->authorized_keys(),
                        fs::copy_options::overwrite_existing);
          return connect_by_ssh(spec, endpoint, settings, deadline, cancel);
        });
  }

  test::AwsServer m_aws;
  std::optional<test::SshServer> m_server;
  Settings m_settings;
};

TEST_F(Ec2Windows, IsAMachineThatRunsPowershell) {
  const std::unique_ptr<Driver> driver = this->driver();
  EXPECT_TRUE(driver->capabilities().windows_machines);
  EXPECT_FALSE(driver->capabilities().linux_machines);
  EXPECT_EQ(driver->capabilities().start_limit, 30min);
  MachineSpec spec;
  spec.name = "win";
  const std::unique_ptr<Machine> machine = driver->boot(spec, {}, soon(), {});
  EXPECT_TRUE(machine->spec().windows);
  EXPECT_EQ(machine->workspace(), "C:\\nestbox\\workspace");

  const TemporaryDirectory source;
  std::ofstream(source.path() / "test.ps1") << "Write-Output 'hello'\nexit 5\n";
  machine->transport().put(source.path(), {"test.ps1"}, machine->workspace() + "/src", soon(), {});
  const Captured done = run_in_machine(
      machine->transport(),
      {.argv = {"./test.ps1"}, .working_directory = machine->workspace() + "/src"}, soon(), {});
  EXPECT_EQ(done.output, "hello\r\n") << done.diagnostics;
  EXPECT_EQ(done.status, (ExitStatus{5, 0}));
  machine->transport().thaw({}, soon());
  machine->transport().quiesce(soon());

  const nlohmann::json fields = m_aws.state().at("instances").at(0).at("fields");
  EXPECT_THAT(from_base64(fields.at("UserData").get<std::string>()), HasSubstr("<powershell>"));
  EXPECT_EQ(fields.at("BlockDeviceMapping.1.DeviceName"), "/dev/sda1");
}

TEST_F(Ec2Windows, LeavesNothing) {
  {
    const std::unique_ptr<Driver> driver = this->driver();
    MachineSpec spec;
    spec.name = "win";
    driver->boot(spec, {}, soon(), {});
  }
  EXPECT_EQ(m_aws.running(), 0U);
  EXPECT_TRUE(m_aws.state().at("keys").empty());
  EXPECT_FALSE(fs::exists(m_server->home() / "c/nestbox/workspace"));
}

}  // namespace
}  // namespace nestbox::ec2
