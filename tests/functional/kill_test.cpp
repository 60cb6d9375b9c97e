// kill -9 of nestbox at any point leaves no process, no socket and no half entry, and the next run
// works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::IsEmpty;

std::vector<std::string> names_below(const fs::path& directory) {
  std::vector<std::string> names;
  if (fs::exists(directory))
    for (const fs::directory_entry& entry : fs::directory_iterator(directory))
      names.push_back(entry.path().filename());
  return names;
}

void expect_nothing_left(const NestboxProgram& nestbox) {
  EXPECT_TRUE(nestbox.processes_gone());
  EXPECT_THAT(nestbox.processes(), IsEmpty());
  EXPECT_THAT(names_below(nestbox.home() / "tmp"), IsEmpty());
}

void expect_next_run_works(const NestboxProgram& nestbox) {
  const Captured next = nestbox.run({"run", "-e", "tiny", "--", "echo", "still works"});
  EXPECT_EQ(next.status, ExitStatus{}) << next.diagnostics;
  EXPECT_THAT(next.output, testing::HasSubstr("still works"));
  EXPECT_THAT(names_below(nestbox.cache() / "staging"), IsEmpty());
}

class KillDuringBuild : public testing::TestWithParam<int> {};

TEST_P(KillDuringBuild, LeavesNothingAndTheNextRunWorks) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  RunningNestbox run(nestbox, {"env", "build", "tiny"});
  ASSERT_TRUE(run.wait_for("tiny"));
  // Ended before, early in, in the middle of, or late in the boot: it takes a few seconds.
  run.process().wait(Deadline::after(std::chrono::milliseconds(GetParam())));
  run.process().kill();
  expect_nothing_left(nestbox);
  expect_next_run_works(nestbox);
}

INSTANTIATE_TEST_SUITE_P(AtMillisecond, KillDuringBuild, testing::Values(0, 60, 700, 2500));

TEST(KillDuringBootstrap, LeavesNothingAndTheNextBuildBeginsAnew) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  // While mmdebstrap, in namespaces of its own, begins, downloads, unpacks and configures.
  for (const int milliseconds : {0, 1500, 5000, 12000}) {
    RunningNestbox build(nestbox, {"env", "build", "debian"});
    ASSERT_TRUE(build.wait_for("installing the base system")) << build.output();
    build.process().wait(Deadline::after(std::chrono::milliseconds(milliseconds)));
    build.process().kill();
    expect_nothing_left(nestbox);
    EXPECT_THAT(names_below(nestbox.cache() / "staging"), testing::SizeIs(testing::Le(1U)))
        << "the former build's is swept by this one";
  }
  EXPECT_THAT(nestbox.run({"cache", "verify"}).output, testing::HasSubstr("are sound"));
  expect_next_run_works(nestbox);
}

TEST(KillDuringRun, LeavesNothingAndTheNextRunWorks) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  RunningNestbox run(nestbox, {"run", "-e", "tiny", "--", "sh", "-c", "echo begun; sleep 1000"});
  ASSERT_TRUE(run.wait_for("begun")) << run.output();
  EXPECT_GE(nestbox.processes().size(), 2U) << "nestbox and its QEMU";
  run.process().kill();
  expect_nothing_left(nestbox);
  expect_next_run_works(nestbox);
}

TEST(KillDuringFork, LeavesNothingAtAnyMoment) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  ASSERT_EQ(nestbox.run({"env", "build", "tiny"}).status, ExitStatus{});
  for (int milliseconds = 10; milliseconds <= 190; milliseconds += 20) {
    RunningNestbox run(nestbox, {"run", "-e", "tiny", "--", "true"});
    run.process().wait(Deadline::after(std::chrono::milliseconds(milliseconds)));
    run.process().kill();
    expect_nothing_left(nestbox);
  }
  expect_next_run_works(nestbox);
}

/// A topology that nobody has made yet: `name` stands in a step of its setup.
void describe_world(const NestboxProgram& nestbox, const std::string& name) {
  write_file_atomically(nestbox.working_directory / "nestbox.yml", R"(
version: 1
topologies:
  pair:
    networks: {lan: {}}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
    setup:
      - {on: [a, b], run: "echo )" + name + R"( > /tmp/made"}
      - {on: a, run: "ping -c 1 b"}
tests:
  made: {topology: pair, from: b, run: cat /tmp/made}
)");
}

TEST(KillDuringWorldSave, LeavesNothingAndTheNextRunMakesTheWorld) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  // In the setup, and from its last step on, while machines are quiesced, saved and published. A
  // quick host may have published by then, so each moment has a world of its own.
  for (const int milliseconds : {0, 150, 400, 800}) {
    const std::string name = "world-" + std::to_string(milliseconds);
    describe_world(nestbox, name);
    RunningNestbox run(nestbox, {"run", "-k", "made"});
    ASSERT_TRUE(run.wait_for("step 2")) << run.output();
    run.process().wait(Deadline::after(std::chrono::milliseconds(milliseconds)));
    run.process().kill();
    expect_nothing_left(nestbox);

    const Captured next = nestbox.run({"run", "-k", "made"});
    EXPECT_EQ(next.status, ExitStatus{}) << next.output << next.diagnostics;
    EXPECT_THAT(next.output, testing::HasSubstr(name));
    EXPECT_THAT(names_below(nestbox.cache() / "staging"), IsEmpty());
  }
}

TEST(KillOfScriptMode, EndsTheWholeTreeOfTheTest) {
  const NestboxProgram nestbox;
  nestbox.write_script("test.sh", "#!/bin/sh\n(setsid sleep 1000 &)\necho begun\nsleep 1000\n");
  RunningNestbox run(nestbox, {"run", "--driver", "local", "./test.sh"});
  ASSERT_TRUE(run.wait_for("begun")) << run.output();
  run.process().kill();
  EXPECT_TRUE(nestbox.processes_gone());
  EXPECT_THAT(names_below(nestbox.home() / "tmp"), testing::Not(IsEmpty())) << "the test's files";
  EXPECT_THAT(nestbox.run({"reap"}).output, testing::HasSubstr("files: directory '"));
  EXPECT_THAT(names_below(nestbox.home() / "tmp"), IsEmpty());
}

TEST(Race, OfTwoRunsForOneLayerBuildsItOnce) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  RunningNestbox first(nestbox, {"run", "-e", "tiny", "--", "true"});
  RunningNestbox second(nestbox, {"run", "-e", "tiny", "--", "true"});
  EXPECT_EQ(first.finish(), ExitStatus{}) << first.output();
  EXPECT_EQ(second.finish(), ExitStatus{}) << second.output();
  const Captured layers = nestbox.run({"cache", "list", "--json"});
  std::size_t live = 0;
  for (std::size_t at = 0; (at = layers.output.find("\"live\"", at)) != std::string::npos; ++at)
    ++live;
  EXPECT_EQ(live, 1U) << layers.output;
}

/// A file of the newest live layer in the cache.
fs::path live_file(const NestboxProgram& nestbox, const std::string& name) {
  for (const fs::directory_entry& layer : fs::directory_iterator(nestbox.cache() / "layers"))
    if (fs::exists(layer.path() / "snapshot.json"))
      return layer.path() / name;
  throw Error(ErrorCode::not_found, "no live layer in the cache");
}

class DamagedLayer : public testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(DamagedLayer, IsSetAsideRebuiltAndReported) {
  const auto [name, truncate] = GetParam();
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  ASSERT_EQ(nestbox.run({"env", "build", "tiny"}).status, ExitStatus{});

  const fs::path file = live_file(nestbox, name);
  fs::permissions(file, fs::perms::owner_all);
  if (truncate) {
    fs::resize_file(file, fs::file_size(file) / 2);
  } else {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(fs::file_size(file) / 2));
    const char byte = static_cast<char>(stream.peek());
    stream.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
    stream.put(static_cast<char>(byte ^ 1));
  }

  const Captured run = nestbox.run({"run", "-e", "tiny", "--", "echo", "sound"});
  EXPECT_EQ(run.status, ExitStatus{}) << run.diagnostics;
  EXPECT_THAT(run.output, testing::HasSubstr("sound"));
  EXPECT_THAT(run.diagnostics, testing::HasSubstr("set aside"));
  EXPECT_THAT(names_below(nestbox.cache() / "broken"), testing::SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(Files, DamagedLayer,
                         testing::Values(std::pair("ram", true), std::pair("ram", false),
                                         std::pair("state", true), std::pair("state", false),
                                         std::pair("snapshot.json", false)));

}  // namespace
}  // namespace nestbox
