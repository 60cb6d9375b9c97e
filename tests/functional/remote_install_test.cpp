// Tests that drive containers over ssh, as examples/remote-install has it, with a Docker daemon of
// their own.
#include <gtest/gtest.h>

#include "tests/functional/remote_install.hpp"
#include "tests/support/docker_daemon.hpp"

namespace nestbox {
namespace {

TEST(RemoteInstall, DrivesContainersAsItDrivesMachines) {
  const DockerDaemon daemon;
  NestboxProgram nestbox;
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  expect_remote_install(nestbox, "docker");
  EXPECT_TRUE(nestbox.processes_gone());
}

}  // namespace
}  // namespace nestbox
