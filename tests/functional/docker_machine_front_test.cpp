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

/// `machine`: as docker-machine. `refuses`: it must, with a hint. `serves`: whether what listens at
/// an address and port says so. `soon`: waits until a command succeeds, for a minute and more.
constexpr const char* k_functions = R"script(
machine() { "$0" docker-machine "$@"; }
refuses() {
  code=0
  machine "$@" 2> why || code=$?
  test $code = 1
  grep 'hint: ' why
}
serves() { test "$(busybox nc "$1" "$2" < /dev/null)" = served; }
refused() { ! busybox nc "$1" "$2" < /dev/null; }
soon() {
  tries=0
  until "$@"; do
    test $tries -lt 600
    tries=$((tries + 1))
    sleep 0.1
  done
}
)script";

class DockerMachineFront : public testing::Test {
protected:
  void SetUp() override {
    for (const char* program : {"ssh", "rsync", "busybox"})
      if (!find_program(program))
        GTEST_SKIP() << "there is no " << program
                     << " here: apt-get install openssh-client rsync busybox-static";
    std::ofstream(m_nestbox.working_directory / "nestbox.yml") << k_definition;
  }

  /// One shell for all, for what a command leaves behind ends with the process that waits for it.
  Captured shell(const std::string& script) {
    ProcessSpec spec = m_nestbox.spec({});
    spec.argv = {"/bin/sh", "-exc", k_functions + script, spec.argv[0]};
    return run_captured(spec, Deadline::after(std::chrono::minutes(20)));
  }

  NestboxProgram m_nestbox;
};

TEST_F(DockerMachineFront, ServesASuiteWrittenForDockerMachine) {
  const Captured done = shell(R"script(
machine create -d amazonec2 --amazonec2-secret-key hush --engine-label role=store db
machine create -d kvm --kvm-memory 300 second
if grep -r hush "$XDG_STATE_HOME"; then exit 1; fi
test "$(machine ls -q)" = "$(printf 'db\nsecond')"
test "$(machine ls --filter label=role -f '{{.Name}} {{.State}} {{.DriverName}}')" = 'db Running amazonec2'
test "$(machine status db)" = Running
test "$(machine inspect -f '{{.Driver.SSHUser}}' db)" = docker

ip=$(machine ip db)
other=$(machine ip second)
test "$ip" != "$other"
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

machine scp db:/tmp/tree/file second:copied
test "$(machine ssh second cat copied)" = content
machine scp -d -q -r tree second:/tmp
test "$(machine ssh second cat /tmp/tree/file)" = content
refuses scp -d db:/tmp/tree/file second:copied

user=$(machine inspect -f '{{.Driver.SSHUser}}@{{.Driver.IPAddress}}' db)
test "$user" = "docker@$ip"
rsync -r -e "ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -i $(machine inspect -f '{{.Driver.SSHKeyPath}}' db) \
  -p $(machine inspect -f '{{.Driver.SSHPort}}' db)" tree/ "$user:/tmp/synced"
test "$(machine ssh db cat /tmp/synced/file)" = content
printf '#!/bin/sh\nexec "%s" docker-machine "$@"\n' "$0" > docker-machine
chmod +x docker-machine
echo more >> tree/file
PATH=$PWD:$PATH rsync -r -e 'docker-machine ssh' tree/ db:/tmp/synced
PATH=$PWD:$PATH rsync -e 'docker-machine ssh' db:/tmp/synced/file fetched
cmp fetched tree/file

# What listens in a machine does so at its address, no longer and no other.
cat > serve << 'END'
use IO::Socket;
my $listener = IO::Socket::INET->new(Listen => 5, LocalPort => 28080, ReuseAddr => 1) or die;
exit if fork;
open($_, '+<', '/dev/null') for *STDIN, *STDOUT, *STDERR;
while (my $client = $listener->accept) { print $client "served\n"; close $client }
END
machine scp serve db:
machine ssh db perl serve
soon serves "$ip" 28080
refused "$other" 28080
machine ssh db pkill perl
soon refused "$ip" 28080

refuses active
refuses env db
refuses mount db
refuses provision db
refuses restart db

machine stop db
test "$(machine status db)" = Stopped
test -z "$(machine ls -q --filter state=Running --filter name=db)"
refuses ip db
refuses start db
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
machine create -d virtualbox --engine-label role=store --tls-san localhost.localdomain db
eval $(machine env db)
test "$DOCKER_MACHINE_NAME" = db
test "$DOCKER_HOST" = "$(machine url db)"
test "$(machine active)" = db
test "$(docker info -f '{{.Labels}}')" = '[provider=virtualbox role=store]'
test "$(docker version -f '{{.Server.Version}}')" = "$(machine version db)"
docker import "$ROOTFS" busybox
test "$(docker run --rm --network none busybox echo hello)" = hello
test "$(echo input | docker run --rm -i --network none busybox cat)" = input
code=0
docker run --rm --network none busybox sh -c 'exit 7' || code=$?
test $code = 7
docker run -d --stop-signal KILL --name kept -p 28080:80 busybox nc -ll -p 80 -e echo served
soon serves "$(machine ip db)" 28080
test "$(machine ssh db docker ps --format '{{.Names}}')" = kept
(
  unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH
  if docker ps; then exit 1; fi
)
certificate=$(cat "$DOCKER_CERT_PATH/server.pem")
machine regenerate-certs -f db
test "$(cat "$DOCKER_CERT_PATH/server.pem")" != "$certificate"
eval $(machine env -u)
test -z "${DOCKER_HOST:-}"
test "$(docker $(machine config db) ps -a --format '{{.Names}}')" = kept
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
