// What a test can do to its machine, and how the run says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using json = nlohmann::json;

/// Each finished test of a run by name, from the JSON lines report.
std::map<std::string, json> results(const fs::path& report) {
  std::map<std::string, json> found;
  std::ifstream lines(report);
  for (std::string line; std::getline(lines, line);) {
    json event = json::parse(line);
    if (event.at("event") == "test_finished")
      found[event.at("test")] = event;
  }
  return found;
}

std::string outcome_of(const NestboxProgram& nestbox, const std::string& name) {
  const std::map<std::string, json> all = results(nestbox.home() / "report.jsonl");
  const auto found = all.find(name);
  return found == all.end() ? "not reported" : found->second.at("outcome").get<std::string>();
}

Captured run_reported(const NestboxProgram& nestbox, std::vector<std::string> arguments) {
  const std::string report = "jsonl=" + (nestbox.home() / "report.jsonl").string();
  arguments.insert(arguments.begin(), {"run", "--report", report, "-e", "tiny"});
  return nestbox.run(arguments);
}

TEST(GuestFault, PanicIsToldApartFromAFailure) {
  const NestboxProgram nestbox;
  nestbox.write_script("test_panic.sh",
                       "#!/bin/sh\necho before\necho c > /proc/sysrq-trigger\nsleep 100\n");
  nestbox.write_script("test_fail.sh", "#!/bin/sh\nexit 1\n");
  const Captured run = run_reported(nestbox, {"."});
  EXPECT_EQ(run.status.code, 1) << run.output << run.diagnostics;
  EXPECT_EQ(outcome_of(nestbox, "test_panic.sh"), "panic");
  EXPECT_EQ(outcome_of(nestbox, "test_fail.sh"), "failed");
  EXPECT_THAT(nestbox.run({"show", "latest", "test_panic.sh"}).output,
              HasSubstr("Kernel panic - not syncing: sysrq triggered crash"));
}

TEST(GuestFault, PowerOffIsALostMachineTriedAgainAndSaidSo) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", "#!/bin/sh\necho o > /proc/sysrq-trigger\nsleep 100\n");
  const Captured run = run_reported(nestbox, {"./test.sh"});
  EXPECT_EQ(run.status.code, 3) << run.output << run.diagnostics;
  EXPECT_EQ(outcome_of(nestbox, "test.sh"), "lost");
  EXPECT_THAT(run.output + run.diagnostics, HasSubstr("again"));
}

TEST(GuestFault, OutOfMemoryIsToldApartFromAFailure) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", "#!/bin/sh\ntail /dev/zero\n");
  const Captured run = run_reported(nestbox, {"./test.sh"});
  EXPECT_NE(run.status.code, 0);
  EXPECT_EQ(outcome_of(nestbox, "test.sh"), "oom") << run.output << run.diagnostics;
}

TEST(GuestFault, DaemonAndIgnoredSignalsEndAtTheTimeout) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", "#!/bin/sh\n# nestbox: timeout=1s\ntrap '' TERM INT HUP\n"
                                  "(setsid sh -c \"trap '' TERM; while :; do sleep 1; done\" &)\n"
                                  "while :; do sleep 1; done\n");
  const Captured run = run_reported(nestbox, {"./test.sh"});
  EXPECT_NE(run.status.code, 0);
  EXPECT_EQ(outcome_of(nestbox, "test.sh"), "timeout") << run.output << run.diagnostics;
  EXPECT_TRUE(nestbox.processes_gone());
}

TEST(GuestFault, DeletingItsOwnRootHurtsNobody) {
  const NestboxProgram nestbox;
  nestbox.write_script(
      "test_delete.sh",
      "#!/bin/sh\necho deleting\nrm -rf /bin /sbin /usr /etc /lib \"$PWD\" 2>&1\nexit 0\n");
  nestbox.write_script("test_other.sh", "#!/bin/sh\ntest -x /bin/busybox\n");
  const Captured run = run_reported(nestbox, {"."});
  EXPECT_EQ(outcome_of(nestbox, "test_delete.sh"), "passed") << run.output << run.diagnostics;
  EXPECT_EQ(outcome_of(nestbox, "test_other.sh"), "passed");
}

TEST(GuestFault, FloodOfOutputIsKeptWholeInBoundedMemory) {
  const NestboxProgram nestbox;
  constexpr std::uintmax_t k_flood = 1000;  // MiB: 100 MB/s for 10 s
  nestbox.write_script("test.sh", "#!/bin/sh\n# nestbox: timeout=10m\ndd if=/dev/zero bs=1M count="
                                      + std::to_string(k_flood) + " 2>/dev/null\n");
  RunningNestbox run(nestbox, {"run", "-e", "tiny", "--quiet", "./test.sh"});
  struct rusage usage {};
  int status = 0;
  ASSERT_EQ(::wait4(run.process().pid(), &status, 0, &usage), run.process().pid());
  EXPECT_EQ(status, 0) << run.output();
  EXPECT_LT(usage.ru_maxrss, 150 * 1024) << "KiB";
  std::uintmax_t largest = 0;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(nestbox.newest_run()))
    if (file.path().filename() == "output.log")
      largest = std::max(largest, file.file_size());
  EXPECT_EQ(largest, k_flood << 20);
}

TEST(GuestFault, NothingOnATinyMachineCanTakeTheAgentsPort) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", R"sh(#!/bin/sh
agent=$(pidof agent nestbox-agent init | tr ' ' '\n' | sort -n | tail -1)
port=$(readlink -f /dev/virtio-ports/org.nestbox.agent.0 2>/dev/null || ls /dev/vport*p* | head -1)
kill -9 "$agent"
cat /dev/urandom > "$port"
)sh");
  const Captured run = run_reported(nestbox, {"./test.sh"});
  EXPECT_NE(run.status.code, 0);
  EXPECT_EQ(outcome_of(nestbox, "test.sh"), "failed") << run.output << run.diagnostics;
}

TEST(GuestFault, GarbageOnTheAgentPortIsALostMachine) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", R"sh(#!/bin/sh
# nestbox: environment=debian-systemd
systemctl kill -s KILL nestbox-agent
exec setsid systemd-run sh -c 'while :; do cat /dev/urandom > /dev/vport*p*; done'
)sh");
  const Captured run = nestbox.run(
      {"run", "./test.sh", "--report", "jsonl=" + (nestbox.home() / "report.jsonl").string()});
  EXPECT_EQ(run.status.code, 3) << run.output << run.diagnostics;
  EXPECT_EQ(outcome_of(nestbox, "test.sh"), "lost") << run.output << run.diagnostics;
}

TEST(Clones, OfOneTemplateDifferInAllThatMustDiffer) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", R"sh(#!/bin/sh
{
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n'; echo
  cat /proc/sys/kernel/random/uuid
  cat /etc/machine-id
  cat /proc/sys/kernel/random/boot_id
  date +%s
} > "$TEST_OUTPUT_DIR/identity"
)sh");
  const double before = static_cast<double>(std::time(nullptr));
  const Captured run = run_reported(nestbox, {"--repeat", "50", "./test.sh"});
  const double after = static_cast<double>(std::time(nullptr)) + 1;
  ASSERT_EQ(run.status.code, 0) << run.output << run.diagnostics;

  std::vector<std::set<std::string>> distinct(4);
  std::size_t clones = 0;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(nestbox.newest_run())) {
    if (file.path().filename() != "identity")
      continue;
    ++clones;
    std::ifstream lines(file.path());
    std::string line;
    for (std::set<std::string>& values : distinct) {
      std::getline(lines, line);
      EXPECT_FALSE(line.empty());
      values.insert(line);
    }
    std::getline(lines, line);
    EXPECT_GE(std::stod(line), before - 1) << "the clone's clock is behind";
    EXPECT_LE(std::stod(line), after + 1) << "the clone's clock is ahead";
  }
  EXPECT_EQ(clones, 50U);
  for (const std::set<std::string>& values : distinct)
    EXPECT_EQ(values.size(), 50U);
}

TEST(Files, WithHardNamesArriveAsTheyAre) {
  const NestboxProgram nestbox;
  const fs::path work = nestbox.working_directory;
  nestbox.write_script("a file with spaces", "spaces");
  nestbox.write_script("new\nline", "newline");
  nestbox.write_script("..hidden/...", "dots");
  nestbox.write_script("-rf", "dash");
  fs::create_symlink("/etc/passwd", work / "out-of-tree");
  fs::create_symlink("no such file", work / "dangling");
  { std::ofstream sparse(work / "sparse"); }
  fs::resize_file(work / "sparse", 200U << 20);
  nestbox.write_script("test.sh", R"sh(#!/bin/sh -ex
test "$(cat 'a file with spaces')" = spaces
test "$(cat "$(printf 'new\nline')")" = newline
test "$(cat ..hidden/...)" = dots
test "$(cat ./-rf)" = dash
test "$(readlink out-of-tree)" = /etc/passwd
test "$(readlink dangling)" = 'no such file'
test "$(stat -c %s sparse)" = 209715200
test "$(du -k sparse | cut -f1)" -lt 1024
cd "$TEST_OUTPUT_DIR"
echo kept > 'kept file'
ln -s ../../../../../../etc/passwd escape
)sh");
  const Captured run = run_reported(nestbox, {"./test.sh"});
  EXPECT_EQ(run.status.code, 0) << run.output << run.diagnostics;
  bool kept = false;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(nestbox.newest_run()))
    kept = kept || file.path().filename() == "kept file";
  EXPECT_TRUE(kept);
}

}  // namespace
}  // namespace nestbox
