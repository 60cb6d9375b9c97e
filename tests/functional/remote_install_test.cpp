// Tests that drive containers over ssh, as examples/remote-install has it, with a Docker daemon of
// their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/docker_daemon.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

TEST(RemoteInstall, DrivesContainersAsItDrivesMachines) {
  const DockerDaemon daemon;
  NestboxProgram nestbox;
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  fs::copy(fs::path(NESTBOX_SOURCE_DIR) / "examples/remote-install", nestbox.working_directory,
           fs::copy_options::recursive);
  const Captured done = nestbox.run({"run", "-v", "--driver", "docker"}, std::chrono::minutes(15));
  EXPECT_EQ(done.status, ExitStatus{}) << done.output << done.diagnostics;
  EXPECT_THAT(done.output, HasSubstr("ok: core1 greets core0"));
  EXPECT_THAT(done.output, HasSubstr("ok: core0 does not greet core1"));
  EXPECT_THAT(done.output, HasSubstr("2 passed"));
  EXPECT_TRUE(nestbox.processes_gone());
}

}  // namespace
}  // namespace nestbox
