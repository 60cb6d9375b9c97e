// Tests with a topology, through the program as a user runs it, on real machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char k_definition[] = R"(version: 1
defaults: {timeout: 1m}
topologies:
  pair:
    networks: {lan: {}}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
tests:
)";

class WorldProgram : public testing::Test {
protected:
  /// `tests` as below `tests:`, each line indented by two.
  void define(const std::string& tests) {
    write_file_atomically(m_program.working_directory / "nestbox.yml", k_definition + tests);
  }

  void define_script(const std::string& from, const std::string& script) {
    m_program.write_script("drive", script);
    define("  drive: {topology: pair, from: " + from + ", script: drive}\n");
  }

  Captured run(std::vector<std::string> arguments = {"run"}) {
    Captured captured = m_program.run(std::move(arguments));
    m_said = captured.output + captured.diagnostics;
    return captured;
  }

  fs::path kept(const std::string& name) const {
    return m_program.newest_run() / "tests/drive" / name;
  }

  std::vector<Json> events(const std::string& kind) const {
    std::vector<Json> found;
    for (const std::string& line : split(read_file(m_program.newest_run() / "events.jsonl"), '\n'))
      if (Json event = Json::parse(line, nullptr, false);
          event.is_object() && event["event"] == kind)
        found.push_back(std::move(event));
    return found;
  }

  NestboxProgram m_program;
  std::string m_said;
};

TEST_F(WorldProgram, DrivesItsMachinesFromOneOfThem) {
  m_program.write_script("helper", "#!/bin/sh\necho \"helper on $NESTBOX_MACHINE\"\n");
  define_script("a", R"script(#!/bin/sh -e
test "$NESTBOX_MACHINE" = a
nestbox exec b -- ./helper
test "$(nestbox exec b -- cat /etc/hostname)" = b
echo content > /tmp/file
nestbox copy /tmp/file b:/tmp/there
test "$(nestbox exec b -- cat /tmp/there)" = content
echo from-stdin | nestbox exec b -- sh -c 'cat > /tmp/piped'
nestbox exec b -- grep -q from-stdin /tmp/piped
nestbox exec b -- nc -l -p 8080 -e true &
nestbox wait-for b port 8080 --timeout 10s
ping -c 1 -W 2 b > /dev/null
nestbox net partition a '|' b
! ping -c 1 -W 1 b > /dev/null
nestbox net heal
ping -c 1 -W 5 b > /dev/null
nestbox exec a,b -- hostname
! nestbox exec b -- sh -c 'exit 3'
nestbox exec b -- sh -c 'exit 3' || test $? = 3
echo kept > "$TEST_OUTPUT_DIR/kept"
nestbox exec b -- sh -c 'echo kept-too > "$TEST_OUTPUT_DIR/kept"'
echo "machines: $NESTBOX_MACHINES"
)script");
  EXPECT_EQ(run().status, ExitStatus{}) << m_said;
  EXPECT_THAT(m_said, HasSubstr("helper on b"));
  EXPECT_THAT(m_said, HasSubstr("a | a\n"));
  EXPECT_THAT(m_said, HasSubstr("b | b\n"));
  EXPECT_THAT(m_said,
              HasSubstr(R"({"a":{"hostname":"a","environment":"tiny","addresses":{"lan":)"));
  EXPECT_EQ(read_file(kept("artifacts/kept")), "kept\n");
  EXPECT_EQ(read_file(kept("artifacts/b/kept")), "kept-too\n");
  EXPECT_THAT(read_file(kept("network.json")), HasSubstr("frames_in"));
  const std::vector<Json> verbs = events("verb_done");
  ASSERT_FALSE(verbs.empty());
  EXPECT_EQ(verbs[0]["machine"], "a");
  EXPECT_EQ(verbs[0]["verb"], "exec b -- ./helper");
  EXPECT_THAT(m_program.processes(), IsEmpty());
}

TEST_F(WorldProgram, DrivesItsMachinesFromTheHost) {
  define_script("host", R"script(#!/bin/sh -e
test "$NESTBOX_MACHINE" = host
test -w . && touch mine
nestbox exec a -- sh -c 'echo "$NESTBOX_MACHINE" > /tmp/name'
nestbox copy a:/tmp/name here
test "$(cat here)" = a
nestbox exec a -- nestbox barrier go --timeout 20s &
nestbox exec b -- nestbox barrier go --timeout 20s
wait $!
nestbox machines
echo done by host
)script");
  EXPECT_EQ(run().status, ExitStatus{}) << m_said;
  EXPECT_THAT(m_said, HasSubstr("done by host"));
  EXPECT_FALSE(fs::exists(m_program.working_directory / "mine"));
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(WorldProgram, DoesStepsAndAttributesEachLine) {
  define(R"script(  drive:
    topology: pair
    steps:
      - {on: [a, b], run: 'echo "on $NESTBOX_MACHINE"; echo kept > "$TEST_OUTPUT_DIR/kept"'}
      - {on: b, run: 'echo 1..1; echo "ok 1 answers"'}
      - net: partition a | b
      - {on: a, run: '! ping -c 1 -W 1 b'}
      - net: heal
      - {on: a, run: ping -c 1 -W 5 b}
)script");
  EXPECT_EQ(run().status, ExitStatus{}) << m_said;
  EXPECT_THAT(m_said, HasSubstr("a | on a\n"));
  EXPECT_THAT(m_said, HasSubstr("b | on b\n"));
  EXPECT_THAT(m_said, HasSubstr("1 case"));
  EXPECT_THAT(read_file(kept("output.log")), HasSubstr("a | on a\n"));
  EXPECT_EQ(read_file(kept("artifacts/b/kept")), "kept\n");
  EXPECT_EQ(events("verb_done").size(), 6U);
}

TEST_F(WorldProgram, NamesTheStepAndTheMachineThatFailed) {
  define(R"script(  drive:
    topology: pair
    steps:
      - {on: a, run: 'true'}
      - {on: [a, b], run: 'test "$NESTBOX_MACHINE" = a || exit 4'}
      - {on: a, run: echo never}
)script");
  EXPECT_EQ(run({"run", "--seed", "12345"}).status.code, 1);
  EXPECT_THAT(m_said, HasSubstr("failed    drive"));
  EXPECT_THAT(m_said, HasSubstr("step 2 (exec a,b -- "));
  EXPECT_THAT(m_said, HasSubstr("machine 'b': exit code 4"));
  EXPECT_THAT(m_said, HasSubstr("network seed 12345: run again with --seed 12345"));
  EXPECT_THAT(m_said, Not(HasSubstr("never")));
  run({"show", "latest", "drive"});
  EXPECT_THAT(m_said, HasSubstr("network seed 12345"));
  EXPECT_THAT(m_said, HasSubstr("network.json:"));
}

TEST_F(WorldProgram, SaysWhoWasMissingAtABarrier) {
  define_script("a", "#!/bin/sh\nnestbox barrier ready --timeout 100ms\n");
  EXPECT_EQ(run().status.code, 1);
  EXPECT_THAT(m_said, HasSubstr("barrier 'ready': machine 'b' did not arrive"));
}

TEST_F(WorldProgram, NamesTheMachineThatPanicsAndEndsTheOthersAtOnce) {
  define_script("a", R"script(#!/bin/sh
nestbox exec b -- sh -c 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger'
sleep 1000
)script");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run({"run", "--timeout", "1h"}).status.code, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(4));
  EXPECT_THAT(m_said, HasSubstr("panic     drive"));
  EXPECT_THAT(m_said, HasSubstr("machine 'b': kernel panic: sysrq triggered crash"));
  EXPECT_THAT(read_file(kept("console-b.log")), HasSubstr("Kernel panic - not syncing"));
  EXPECT_TRUE(m_program.processes_gone());
  run({"show", "latest", "drive"});
  EXPECT_THAT(m_said, HasSubstr("console-b.log:"));
}

TEST_F(WorldProgram, RefusesAVerbThatMakesNoSense) {
  define_script("a", R"script(#!/bin/sh
nestbox exec bb -- true
echo "unknown: $?"
nestbox fly
echo "no verb: $?"
)script");
  EXPECT_EQ(run().status, ExitStatus{});
  EXPECT_THAT(m_said, HasSubstr("no machine 'bb'"));
  EXPECT_THAT(m_said, HasSubstr("did you mean 'b'?"));
  EXPECT_THAT(m_said, HasSubstr("unknown: 2"));
  EXPECT_THAT(m_said, HasSubstr("no verb: 2"));
}

TEST_F(WorldProgram, IsDrivenFromPython) {
  m_program.write_script("here.txt", "from here\n");
  define_script("host", R"script(#!/usr/bin/python3
import subprocess

import nestbox

world = nestbox.world()
assert list(world) == ["a", "b"] and world.here == "host" and world.seed == 77
a, b = world["a"], world["b"]
assert a.output("cat", "/etc/hostname") == "a"
assert a.run("sh", "-c", "exit 3").returncode == 3
assert a.run("cat", capture=True, input="typed").stdout == "typed"
try:
    a.run("false", check=True)
    raise SystemExit("check is not heeded")
except subprocess.CalledProcessError as error:
    assert error.returncode == 1
try:
    a.run("sleep", "1000", timeout=0.05)
    raise SystemExit("timeout is not heeded")
except subprocess.TimeoutExpired:
    pass
world.copy("here.txt", "b:/tmp/there")
assert b.output("cat", "/tmp/there") == "from here"
with b.popen("sh", "-c", "nc -l -p 8080 -e true; sleep 1000") as server:
    b.wait_for_port(8080, timeout=20)
    server.terminate()
b.run("touch", "/tmp/made", check=True)
b.wait_for_file("/tmp/made", timeout=20)
b.wait_for_output("made", "ls", "/tmp", timeout=20)
try:
    b.wait_for_file("/tmp/never", timeout=0.05)
    raise SystemExit("waited for nothing")
except nestbox.TimeExpired as error:
    assert "machine 'b'" in str(error), error
ping = ("ping", "-c", "1", "-W", "1", b.address("lan"))
world.net.partition(["a"], ["b"])
assert a.run(*ping).returncode != 0
world.net.heal()
world.net.set("b@lan", latency="1ms", loss="0%")
with world.net.capture("a@lan", "a.pcapng"):
    a.run("ping", "-c", "1", "-W", "10", "b", check=True)
world.net.reset("b@lan")
assert open("a.pcapng", "rb").read(4) == b"\x0a\x0d\x0d\x0a"
assert world.net.counters()
waiting = [machine.popen("nestbox", "barrier", "ready", "--timeout", "20s") for machine in (a, b)]
assert [process.wait() for process in waiting] == [0, 0]
assert world.on("a", "b").run("hostname", capture=True).stdout.count("|") == 2
try:
    world["c"]
    raise SystemExit("there is no c")
except KeyError:
    pass
print("all said in python")
)script");
  EXPECT_EQ(run({"run", "--seed", "77"}).status, ExitStatus{}) << m_said;
  EXPECT_THAT(m_said, HasSubstr("all said in python"));
}

TEST_F(WorldProgram, KeepsCapturesOfStepsAmongTheArtifacts) {
  define(R"script(  drive:
    topology: pair
    steps:
      - net: capture a@lan a.pcapng
      - {on: a, run: ping -c 1 -W 10 b}
      - net: capture-stop a@lan
)script");
  EXPECT_EQ(run().status, ExitStatus{}) << m_said;
  EXPECT_GT(fs::file_size(kept("artifacts/a.pcapng")), 200U);
}

TEST_F(WorldProgram, RunsFreshAndRepeatedWorlds) {
  define("  drive: {topology: pair, run: nestbox exec b -- hostname, repeat: 2}\n");
  EXPECT_EQ(run({"run", "--isolation", "fresh"}).status, ExitStatus{}) << m_said;
  EXPECT_THAT(m_said, HasSubstr("2 passed"));
}

TEST_F(WorldProgram, LeavesNothingWhenItIsKilled) {
  define_script("a", "#!/bin/sh\nnestbox exec b -- echo begun\nnestbox exec b -- sleep 1000\n");
  RunningNestbox running(m_program, {"run"});
  ASSERT_TRUE(running.wait_for("begun")) << running.output();
  EXPECT_GE(m_program.processes().size(), 3U) << "nestbox and two machines";
  running.process().kill();
  EXPECT_TRUE(m_program.processes_gone());
  EXPECT_TRUE(fs::is_empty(m_program.home() / "tmp"));
}

}  // namespace
}  // namespace nestbox
