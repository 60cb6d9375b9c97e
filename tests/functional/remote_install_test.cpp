// Tests that drive containers, and machines from a container, over ssh, as examples/remote-install
// has it, with a Docker daemon of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/functional/remote_install.hpp"
#include "tests/support/docker_daemon.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

TEST(RemoteInstall, DrivesContainersAsItDrivesMachines) {
  const DockerDaemon daemon;
  NestboxProgram nestbox;
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  expect_remote_install(nestbox, "docker");
  EXPECT_TRUE(nestbox.processes_gone());
}

/// Virtual machines driven by a process in a container, which has no file of this host's.
TEST(RemoteInstall, DrivesVirtualMachinesFromAContainer) {
  const DockerDaemon daemon;
  NestboxProgram nestbox;
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  fs::copy(fs::path(NESTBOX_SOURCE_DIR) / "examples/remote-install", nestbox.working_directory,
           fs::copy_options::recursive);
  write_file_atomically(nestbox.working_directory / "nestbox.yml", R"(
version: 1
environments:
  node: {from: debian, memory: 256MiB, packages: [openssh-server, rsync, sudo]}
tests:
  install:
    script: test_install.sh
    environment: node
    machines: {core0: {}, core1: {user: admin}}
    from: {container: node}
    expose:
      GREETER_HOSTS: {each: "{name}", join: " "}
      GREETER_ADDRESSES: {each: "{address}", join: " "}
  verbs:
    run: |
      set -eux
      test -e /.dockerenv
      test "$NESTBOX_MACHINE" = host
      echo of the container > /tmp/here
      nestbox copy /tmp/here core0:/tmp/there
      nestbox exec core0 -- cat /tmp/there
      nestbox copy core0:/etc/hostname /tmp/its-name
      cat /tmp/its-name
      ip -br link | grep -v '^lo' | grep UP && exit 1
      ssh core0 cat /tmp/there
      ssh "$CORE0" hostname
      cp /tmp/its-name "$TEST_OUTPUT_DIR/its-name"
    environment: node
    machines: {core0: {}}
    expose: {CORE0: "{core0.address}"}
    from: {container: node}
)");
  const Captured done = nestbox.run({"run", "-v", "--driver", "qemu"}, std::chrono::minutes(15));
  EXPECT_EQ(done.status, ExitStatus{}) << done.output << done.diagnostics;
  EXPECT_THAT(done.output, HasSubstr("ok: core1 greets core0"));
  EXPECT_THAT(done.output, HasSubstr("of the container"));
  EXPECT_THAT(done.output, HasSubstr("2 passed"));
  EXPECT_TRUE(nestbox.processes_gone());
}

TEST(RemoteInstall, SaysWhileItPlansThatThereIsNoContainer) {
  NestboxProgram nestbox;
  nestbox.environment["DOCKER_HOST"] = "unix://" + (nestbox.home() / "no.sock").string();
  write_file_atomically(nestbox.working_directory / "nestbox.yml", R"(
version: 1
tests:
  install: {run: "true", machines: {core0: {environment: tiny}}, from: {container: tiny}}
)");
  const Captured done = nestbox.run({"run", "--driver", "qemu"});
  EXPECT_THAT(done.output, HasSubstr("its process needs a container; docker: "));
  EXPECT_THAT(done.output, HasSubstr("1 skipped"));
}

}  // namespace
}  // namespace nestbox
