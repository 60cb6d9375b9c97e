// Tests that drive machines over ssh, as examples/remote-install has it, which docker-machine
// creates: `nestbox docker-machine`, over forked virtual machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/functional/remote_install.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

class DockerMachineInstall : public testing::Test {
protected:
  DockerMachineInstall() {
    const fs::path settings = m_nestbox.home() / "docker-machine.yml";
    std::ofstream(settings) << "program: [" << m_nestbox.spec({}).argv[0] << ", docker-machine]\n"
                            << "driver: kvm\n"
                            << "options: {nestbox-environment: node}\n";
    m_nestbox.environment["NESTBOX_DOCKER_MACHINE_CONFIG"] = settings;
  }

  std::string machines() const { return m_nestbox.run({"docker-machine", "ls", "-q"}).output; }

  NestboxProgram m_nestbox;
};

TEST_F(DockerMachineInstall, DrivesMachinesThatDockerMachineCreates) {
  expect_remote_install(m_nestbox, "docker-machine");
  EXPECT_EQ(machines(), "");
  EXPECT_TRUE(m_nestbox.processes_gone());
}

TEST_F(DockerMachineInstall, LeavesNothingThatIsNotReaped) {
  std::ofstream(m_nestbox.working_directory / "nestbox.yml")
      << "version: 1\nenvironments:\n  node: {packages: [openssh-server, rsync, sudo], memory: "
         "256MiB}\n";
  // What is killed here must not take the machine with it: it is not in its tree.
  RunningNestbox run(m_nestbox, {"run", "-v", "--driver", "docker-machine", "--", "sh", "-c",
                                 "echo it runs; exec sleep 1000"});
  ASSERT_TRUE(run.wait_for("it runs", std::chrono::minutes(5))) << run.output();
  run.process().kill();
  EXPECT_NE(machines(), "");
  const Captured reaped = m_nestbox.run({"reap"});
  EXPECT_THAT(reaped.output, HasSubstr("machine 'nestbox-")) << reaped.diagnostics;
  EXPECT_EQ(machines(), "");
  EXPECT_TRUE(m_nestbox.processes_gone());
}

}  // namespace
}  // namespace nestbox
