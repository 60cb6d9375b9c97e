// `nestbox docker-machine` as a suite drives that tool, on real machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/docker_daemon.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

constexpr const char* k_definition = R"(version: 1
environments:
  docker-machine:
    packages: [openssh-server, rsync, sudo]
    memory: 256MiB
)";

class DockerMachineFront : public testing::Test {
protected:
  void SetUp() override {
    if (!find_program("ssh") || !find_program("rsync"))
      GTEST_SKIP() << "there is no ssh or no rsync here: apt-get install openssh-client rsync";
    std::ofstream(m_nestbox.working_directory / "nestbox.yml") << k_definition;
  }

  /// One shell for all, for what a command leaves behind ends with the process that waits for it.
  Captured shell(const std::string& script) {
    ProcessSpec spec = m_nestbox.spec({});
    spec.argv = {"/bin/sh", "-exc", "machine() { \"$0\" docker-machine \"$@\"; }\n" + script,
                 spec.argv[0]};
    return run_captured(spec, Deadline::after(std::chrono::minutes(20)));
  }

  NestboxProgram m_nestbox;
};

TEST_F(DockerMachineFront, ServesASuiteWrittenForDockerMachine) {
  const Captured done = shell(R"script(
machine create -d amazonec2 --amazonec2-region eu-west-1 db
machine create -d kvm --kvm-memory 300 second
test "$(machine ls -q)" = "$(printf 'db\nsecond')"
test "$(machine status db)" = Running
test "$(machine ip db)" = 127.0.0.1
test "$(machine inspect -f '{{.Driver.SSHUser}}' db)" = docker

address=$(machine inspect -f '{{.Driver.PrivateIPAddress}}' db)
machine ssh second ping -c 1 "$address"
test -z "$(machine --storage-path elsewhere ls -q)"

test "$(machine ssh db id -un)" = docker
test "$(machine ssh db sudo id -un)" = root
test "$(machine ssh db hostname)" = db
test "$(machine ssh db echo a '&&' echo b)" = "$(printf 'a\nb')"
test "$(echo input | machine ssh db cat)" = input
code=0
machine ssh db exit 42 || code=$?
test $code = 42

machine ssh db 'sleep 1000 > /dev/null 2>&1 &'
machine ssh db pgrep sleep

mkdir tree
echo content > tree/file
machine scp -r tree db:/tmp
machine scp db:/tmp/tree/file back
test "$(cat back)" = content

user=$(machine inspect -f '{{.Driver.SSHUser}}@{{.Driver.IPAddress}}' db)
rsync -r -e "ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -i $(machine inspect -f '{{.Driver.SSHKeyPath}}' db) \
  -p $(machine inspect -f '{{.Driver.SSHPort}}' db)" tree/ "$user:/tmp/synced"
test "$(machine ssh db cat /tmp/synced/file)" = content

code=0
machine ssh second test -e /tmp/tree || code=$?
test $code = 1

machine stop db
test "$(machine status db)" = Stopped
code=0
machine start db || code=$?
test $code = 1
machine rm -f -y db
machine rm -f -y db

# A keeper that is killed takes its machine with it.
record=$XDG_STATE_HOME/nestbox/docker-machine/machines/second/machine.json
kill -9 "$(sed -n 's/.*"keeper": "[^:]*:\([0-9]*\):.*/\1/p' "$record")"
while test "$(machine status second)" = Running; do sleep 0.1; done
test "$(machine status second)" = Stopped
code=0
machine ssh second true || code=$?
test $code = 1
machine rm second
test -z "$(machine ls -q)"
)script");
  EXPECT_EQ(done.status, ExitStatus{}) << done.output << done.diagnostics;
  EXPECT_TRUE(m_nestbox.processes_gone());
}

// In the built-in environment; `docker` here is any client, which knows nothing of us.
TEST_F(DockerMachineFront, LeadsADockerClientToTheDockerInside) {
  if (!find_program("docker"))
    GTEST_SKIP() << "there is no docker here: apt-get install docker.io";
  fs::remove(m_nestbox.working_directory / "nestbox.yml");
  m_nestbox.environment["ROOTFS"] = busybox_rootfs(m_nestbox.home());
  const Captured done = shell(R"script(
machine create -d virtualbox db
eval $(machine env db)
test "$DOCKER_MACHINE_NAME" = db
test "$DOCKER_HOST" = "$(machine url db)"
docker import "$ROOTFS" busybox
test "$(docker run --rm --network none busybox echo hello)" = hello
test "$(echo input | docker run --rm -i --network none busybox cat)" = input
code=0
docker run --rm --network none busybox sh -c 'exit 7' || code=$?
test $code = 7
docker run -d --name kept busybox sleep 1000
test "$(machine ssh db docker ps --format '{{.Names}}')" = kept
eval $(machine env -u)
test -z "${DOCKER_HOST:-}"
test "$(docker $(machine config db) ps --format '{{.Names}}')" = kept
machine rm -f db
)script");
  EXPECT_EQ(done.status, ExitStatus{}) << done.output << done.diagnostics;
  EXPECT_TRUE(m_nestbox.processes_gone());
}

TEST_F(DockerMachineFront, SaysWhyAMachineCannotBeMade) {
  std::ofstream(m_nestbox.working_directory / "nestbox.yml")
      << "version: 1\nenvironments:\n  bare: {from: tiny}\n";
  const Captured done = shell("machine create -d kvm --nestbox-environment bare db");
  EXPECT_EQ(done.status, (ExitStatus{1, 0}));
  EXPECT_THAT(done.diagnostics, HasSubstr("cannot set up 'db' for ssh"));
  EXPECT_THAT(done.diagnostics, HasSubstr("openssh-server"));
  const Captured listed = shell("machine ls -q");
  EXPECT_EQ(listed.output, "");
  EXPECT_TRUE(m_nestbox.processes_gone());
}

}  // namespace
}  // namespace nestbox
