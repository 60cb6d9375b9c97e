#include "runner/execution.hpp"

#include <gtest/gtest.h>

#include <barrier>
#include <cerrno>
#include <future>
#include <set>

#include "harness/aws/client.hpp"
#include "harness/base/filesystem.hpp"
#include "runner/event_fanout.hpp"
#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

/// Keeps what was reported.
class Witness : public TestEventListener {
public:
  void environment_failed(const EnvironmentUse& use, const Error& error) override {
    notes.push_back(use.name() + ": " + error.message);
  }
  void test_started(const TestRun& run) override {
    started.push_back(run.id);
    if (on_start)
      on_start();
  }
  void test_output(const TestRun&, OutputStream, std::string_view bytes) override {
    output += bytes;
  }
  void test_finished(const TestRun& run, const TestResult& result) override {
    finished.emplace_back(run.id, result);
  }
  void note(std::string_view text) override { notes.emplace_back(text); }

  std::function<void()> on_start;
  std::vector<std::string> started;
  std::vector<std::pair<std::string, TestResult>> finished;
  std::vector<std::string> notes;
  std::string output;
};

class ExecutionTest : public testing::Test {
protected:
  ExecutionTest() {
    m_witness = &m_events.add(std::make_unique<Witness>());
    m_request.environments = {{"fake", "none", {}, 1.0, false}};
    m_request.environments[0].environment.name = "debian";
    m_request.resources = {4, gibibytes(4)};
    std::promise<WorkTree> tree;
    tree.set_value({"/src/top", {"a.sh", "sub/b"}, "abc123"});
    m_request.context.run_id = "20260131T000000Z-abcdef";
    m_request.context.run_directory = m_directory.path();
    m_request.context.work_tree = tree.get_future().share();
    m_request.context.start_directory = "/src/top/sub";
    m_request.context.kept_directory = m_directory.path() / "kept";
    m_request.prepare = [this](const EnvironmentUse& use, const CancelToken&) {
      return make_machine_stage(make_fake_environment(m_world, use.environment));
    };
    m_request.make_directory = [this](const std::string& id) {
      fs::path path = m_directory.path() / ("test" + std::to_string(std::hash<std::string>()(id)));
      fs::create_directories(path);
      return path;
    };
  }

  nestbox::Test& add(const std::string& name) {
    AssignedTest assigned;
    assigned.test.name = name;
    assigned.test.command = {"./" + name};
    m_request.tests.push_back(assigned);
    return m_request.tests.back().test;
  }

  RunSummary run() {
    Execution execution(m_request, m_events);
    m_execution = &execution;
    return execution.run();
  }

  const TestResult& result(std::size_t index = 0) { return m_witness->finished.at(index).second; }

  TemporaryDirectory m_directory;
  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  EventFanout m_events;
  Witness* m_witness = nullptr;
  Execution::Request m_request;
  Execution* m_execution = nullptr;
};

TEST_F(ExecutionTest, LaysOutFilesAndVariables) {
  add("a.sh").variables = {{"MINE", "1"}, {"TEST_REPO", "not mine"}};
  m_request.context.variables = {{"ASKED", "yes"}};
  EXPECT_EQ(run().exit_code, 0);
  EXPECT_EQ(m_world->put, (std::vector<std::string>{"/work: src out build scratch inputs ccache",
                                                    "/work/src: a.sh sub/b"}));
  ASSERT_EQ(m_world->commands.size(), 1U);
  const Command& command = m_world->commands[0];
  EXPECT_EQ(command.working_directory, "/work/src/sub");
  EXPECT_EQ(command.argv, (std::vector<std::string>{"./a.sh"}));
  EXPECT_EQ(command.environment,
            (std::map<std::string, std::string>{{"ASKED", "yes"},
                                                {"MINE", "1"},
                                                {"NESTBOX_ACCELERATION", "none"},
                                                {"NESTBOX_ATTEMPT", "1"},
                                                {"NESTBOX_DRIVER", "fake"},
                                                {"NESTBOX_ENVIRONMENT", "debian"},
                                                {"NESTBOX_MACHINE", "nestbox-abcdef-1"},
                                                {"NESTBOX_REPETITION", "1"},
                                                {"NESTBOX_RUN", "20260131T000000Z-abcdef"},
                                                {"NESTBOX_TEST", "a.sh"},
                                                {"REVISION", "abc123"},
                                                {"TEST_BUILD_OUTPUT_DIR", "/work/build"},
                                                {"TEST_CCACHE_DIR", "/work/ccache"},
                                                {"TEST_CORES_AVAILABLE", "1"},
                                                {"TEST_INPUTS", "/work/inputs"},
                                                {"TEST_OUTPUT_DIR", "/work/out"},
                                                {"TEST_RAM_GB_AVAILABLE", "0.25"},
                                                {"TEST_REPO", "/work/src"},
                                                {"TEST_SCRATCH_DIR", "/work/scratch"}}));
  EXPECT_EQ(m_world->alive, 0);
}

TEST_F(ExecutionTest, KeepsOutputConsoleAndArtifacts) {
  add("a.sh");
  m_world->run = printing("hello\n", 3);
  m_world->console = "kernel says hi";
  m_world->outputs = [](const fs::path& destination) {
    fs::create_directories(destination);
    write_file_atomically(destination / "junit.xml",
                          "<testsuite><testcase name=\"c\"/></testsuite>");
  };
  EXPECT_EQ(run().exit_code, 1);
  EXPECT_EQ(result().outcome, Outcome::failed);
  EXPECT_EQ(result().detail, "exit code 3");
  EXPECT_EQ(result().output_tail, "hello\n");
  ASSERT_EQ(result().reports.size(), 1U);
  EXPECT_EQ(m_witness->output, "hello\n");
  const fs::path directory = m_request.make_directory("a.sh");
  EXPECT_EQ(read_file(directory / "output.log"), "hello\n");
  EXPECT_EQ(read_file(directory / "console.log"), "kernel says hi");
  EXPECT_TRUE(fs::exists(directory / "artifacts/junit.xml"));
}

TEST_F(ExecutionTest, TriesALostMachineAgainAndSaysSo) {
  add("a.sh");
  m_world->run = [this](const Command&, const CommandIo&, Deadline,
                        const CancelToken&) -> CommandResult {
    if (m_world->made < 3)
      throw Error(ErrorCode::lost, "the machine is gone");
    return {};
  };
  const RunSummary summary = run();
  EXPECT_EQ(summary.exit_code, 0);
  EXPECT_EQ(summary.outcomes, (std::map<Outcome, int>{{Outcome::passed, 1}}));
  ASSERT_EQ(m_witness->finished.size(), 3U);
  EXPECT_EQ(result(0).outcome, Outcome::lost);
  EXPECT_TRUE(result(0).run_again);
  EXPECT_EQ(m_witness->finished[2].first, "a.sh, attempt 3");
  EXPECT_EQ(result(2).detail, "passed on attempt 3");
  EXPECT_EQ(m_witness->notes[0],
            "'a.sh' runs again on a fresh machine: lost (the machine is gone)");
}

TEST_F(ExecutionTest, TellsAPanicAndDoesNotRetryIt) {
  add("a.sh");
  m_world->condition = Condition::panicked;
  m_world->run = [](const Command&, const CommandIo&, Deadline,
                    const CancelToken&) -> CommandResult { throw Error(ErrorCode::lost, "gone"); };
  EXPECT_EQ(run().exit_code, 1);
  EXPECT_EQ(m_world->made, 1);
  EXPECT_EQ(result().outcome, Outcome::panic);
}

TEST_F(ExecutionTest, CountsAPanicUnderATimeoutAsAPanic) {
  add("a.sh");
  m_world->condition = Condition::panicked;
  m_world->run = [](const Command&, const CommandIo&, Deadline, const CancelToken&) {
    CommandResult result;
    result.timed_out = true;
    return result;
  };
  run();
  EXPECT_EQ(result().outcome, Outcome::panic);
}

TEST_F(ExecutionTest, ScalesTimeouts) {
  add("a.sh").timeout = std::chrono::seconds(10);
  m_request.environments[0].timeout_scale = 6.0;
  std::chrono::nanoseconds left{};
  m_world->run = [&](const Command&, const CommandIo&, Deadline deadline, const CancelToken&) {
    left = deadline.remaining();
    return CommandResult{};
  };
  run();
  EXPECT_GT(left, std::chrono::seconds(50));
  EXPECT_LE(left, std::chrono::seconds(60));
}

TEST_F(ExecutionTest, CallsAMachineThatCannotBeMadeInfra) {
  add("a.sh");
  m_world->before_machine = [](const std::string&) {
    throw Error(ErrorCode::infrastructure, "no memory", "buy some");
  };
  EXPECT_EQ(run().exit_code, 3);
  EXPECT_EQ(m_witness->finished.size(), 3U);
  EXPECT_EQ(result().detail, "no memory (buy some)");
}

TEST_F(ExecutionTest, TellsTheFaultsOfMachinesApart) {
  const auto refused = [](const char* code) {
    return aws::to_error({400, code, ""}, "starting an instance", "profile 'ci'");
  };
  const std::vector<std::pair<Error, Outcome>> faults = {
      {Error(ErrorCode::infrastructure, "machine 'x' did not answer: its kernel panicked"),
       Outcome::infra},
      {Error(ErrorCode::lost, "the machine closed the connection to its agent"), Outcome::lost},
      {system_error("cannot write '/x'", ENOSPC), Outcome::infra},
      {refused("AuthFailure"), Outcome::infra},
      {refused("ExpiredToken"), Outcome::infra},
      {refused("VcpuLimitExceeded"), Outcome::infra},
      {refused("InsufficientInstanceCapacity"), Outcome::infra},
  };
  add("a.sh");
  std::set<std::string> details;
  for (const auto& [fault, outcome] : faults) {
    m_witness->finished.clear();
    m_world->before_machine = [&fault = fault](const std::string&) { throw fault; };
    EXPECT_EQ(run().exit_code, 3);
    EXPECT_EQ(result().outcome, outcome) << fault.message;
    EXPECT_NE(result().detail.find(fault.message), std::string::npos) << result().detail;
    EXPECT_NE(result().detail.find(fault.hint), std::string::npos) << result().detail;
    details.insert(result().detail);
  }
  EXPECT_EQ(details.size(), faults.size());
}

TEST_F(ExecutionTest, CallsAnEnvironmentThatCannotBeMadeInfra) {
  add("a.sh");
  add("b.sh");
  m_request.prepare = [](const EnvironmentUse&,
                         const CancelToken&) -> std::shared_ptr<PreparedStage> {
    throw Error(ErrorCode::infrastructure, "no kernel");
  };
  EXPECT_EQ(run().exit_code, 3);
  EXPECT_TRUE(m_witness->started.empty());
  EXPECT_EQ(result(1).detail, "environment 'debian' could not be made: no kernel");
  EXPECT_EQ(m_witness->notes[0], "debian: no kernel");
}

TEST_F(ExecutionTest, SkipsWithTheReason) {
  add("a.sh");
  m_request.tests[0].skip = "needs a machine";
  EXPECT_EQ(run().exit_code, 0);
  EXPECT_EQ(m_world->made, 0);
  EXPECT_EQ(result().outcome, Outcome::skipped);
  EXPECT_EQ(result().detail, "needs a machine");
}

TEST_F(ExecutionTest, RepeatsOnMachinesOfTheirOwn) {
  add("a.sh").repeat = 5;
  EXPECT_EQ(run().outcomes[Outcome::passed], 5);
  EXPECT_EQ(m_world->made, 5);
  EXPECT_EQ(m_witness->finished.size(), 5U);
}

TEST_F(ExecutionTest, HoldsToCores) {
  for (int index = 0; index < 8; ++index)
    add("t" + std::to_string(index));
  m_request.resources.cores = 2;
  run();
  EXPECT_LE(m_world->most, 2);
  EXPECT_EQ(m_world->made, 8);
}

TEST_F(ExecutionTest, HoldsToMemoryAsItIsUsed) {
  for (int index = 0; index < 6; ++index)
    add("t" + std::to_string(index));
  m_request.environments[0].environment.memory = gibibytes(4);
  m_request.resources = {8, mebibytes(1500)};
  run();
  EXPECT_LE(m_world->most, 6);
  EXPECT_EQ(m_world->made, 6);
}

TEST_F(ExecutionTest, HoldsToTheBoundsOfMachinesElsewhereAndNotToThisHost) {
  for (int index = 0; index < 6; ++index)
    add("t" + std::to_string(index));
  m_request.resources = {1, mebibytes(1)};
  m_request.environments[0].bounds = Bounds{.sizes = {{{4, gibibytes(16)}}}, .machines = 3};
  std::barrier three(3);
  m_world->run = [&](const Command&, const CommandIo&, Deadline, const CancelToken&) {
    three.arrive_and_wait();  // none passes unless three run at once
    return CommandResult{};
  };
  EXPECT_EQ(run().exit_code, 0);
  EXPECT_EQ(m_world->most, 3);
}

TEST(EnvironmentUse, CountsAllMachinesOfATestAsTheyAreGiven) {
  EnvironmentUse use;
  use.topology.emplace();
  use.machines = {{"a", {}}, {"b", {}}};
  EXPECT_EQ(use.size(), (Resources{2, gibibytes(1), 2}));
  use.bounds = Bounds{.sizes = {{{1, mebibytes(1)}, {4, gibibytes(16)}}}};
  EXPECT_EQ(use.size(), (Resources{8, gibibytes(32), 2}));
}

TEST_F(ExecutionTest, StopsAfterTheFirstFailureWhenAsked) {
  for (const char* name : {"a", "b", "c"})
    add(name);
  m_request.options = {1, true};
  m_world->run = printing("", 1);
  const RunSummary summary = run();
  EXPECT_EQ(summary.outcomes,
            (std::map<Outcome, int>{{Outcome::failed, 1}, {Outcome::cancelled, 2}}));
  EXPECT_EQ(summary.exit_code, 1);
}

TEST_F(ExecutionTest, LetsRunningTestsFinishOnTheFirstInterrupt) {
  add("a");
  add("b");
  m_request.options.jobs = 1;
  std::promise<void> noted;
  m_world->run = [&](const Command&, const CommandIo&, Deadline, const CancelToken& cancel) {
    m_execution->interrupt();
    EXPECT_FALSE(cancel.cancelled());
    return CommandResult{};
  };
  const RunSummary summary = run();
  EXPECT_TRUE(summary.interrupted);
  EXPECT_EQ(summary.exit_code, 130);
  EXPECT_EQ(summary.outcomes,
            (std::map<Outcome, int>{{Outcome::passed, 1}, {Outcome::cancelled, 1}}));
}

TEST_F(ExecutionTest, EndsRunningTestsOnTheSecondInterrupt) {
  add("a");
  m_world->run = [&](const Command&, const CommandIo&, Deadline deadline,
                     const CancelToken& cancel) {
    m_execution->interrupt();
    m_execution->interrupt();
    CommandResult result;
    result.cancelled = wait_readable(cancel.descriptor(), deadline) == Wait::ready;
    return result;
  };
  const RunSummary summary = run();
  EXPECT_EQ(summary.outcomes, (std::map<Outcome, int>{{Outcome::cancelled, 1}}));
  EXPECT_EQ(summary.exit_code, 130);
  EXPECT_EQ(m_world->alive, 0);
}

TEST_F(ExecutionTest, CancelsAPreparationWhenInterrupted) {
  add("a");
  m_request.prepare = [&](const EnvironmentUse&,
                          const CancelToken& cancel) -> std::shared_ptr<PreparedStage> {
    m_execution->interrupt();
    EXPECT_EQ(wait_readable(cancel.descriptor(), Deadline::after(std::chrono::minutes(1))),
              Wait::ready);
    throw Error(ErrorCode::cancelled, "stopped");
  };
  const RunSummary summary = run();
  EXPECT_EQ(summary.outcomes, (std::map<Outcome, int>{{Outcome::cancelled, 1}}));
  EXPECT_EQ(summary.exit_code, 130);
}

TEST_F(ExecutionTest, StaysBoundedUnderAFlood) {
  add("a");
  const std::string piece(1 << 20, 'y');
  m_world->run = [&](const Command&, const CommandIo& io, Deadline, const CancelToken&) {
    for (int count = 0; count < 64; ++count)
      io.output(OutputStream::standard_output, piece);
    return CommandResult{};
  };
  run();
  EXPECT_EQ(result().output_tail.size(), 64U * 1024);
  EXPECT_EQ(fs::file_size(m_request.make_directory("a") / "output.log"), 64U << 20);
}

TEST_F(ExecutionTest, FailsATestWhoseOutputsCannotBeKept) {
  add("a");
  m_world->outputs = [](const fs::path&) { throw Error(ErrorCode::corrupt, "more than 4 GiB"); };
  EXPECT_EQ(run().exit_code, 1);
  EXPECT_EQ(result().detail, "its outputs could not be kept: more than 4 GiB");
}

TEST_F(ExecutionTest, CallsAFailureWithItsMachineStillThere) {
  add("a");
  m_world->run = printing("", 1);
  int alive = 0;
  m_request.context.on_failure = [&](const std::vector<Workplace*>& places, const TestRun&) {
    alive = m_world->alive;
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(places[0]->command({}).working_directory, "/work/src/sub");
  };
  run();
  EXPECT_EQ(alive, 1);
}

TEST(ExitCode, FollowsTheTable) {
  const auto code = [](std::map<Outcome, int> outcomes, bool interrupted = false) {
    RunSummary summary;
    summary.outcomes = std::move(outcomes);
    summary.interrupted = interrupted;
    return exit_code_of(summary);
  };
  EXPECT_EQ(code({{Outcome::passed, 1},
                  {Outcome::skipped, 1},
                  {Outcome::xfailed, 1},
                  {Outcome::xpassed, 1}}),
            0);
  for (Outcome failure : {Outcome::failed, Outcome::timeout, Outcome::panic, Outcome::oom})
    EXPECT_EQ(code({{failure, 1}, {Outcome::infra, 1}}), 1);
  EXPECT_EQ(code({{Outcome::infra, 1}}), 3);
  EXPECT_EQ(code({{Outcome::lost, 1}}), 3);
  EXPECT_EQ(code({{Outcome::failed, 1}}, true), 130);
}

}  // namespace
}  // namespace nestbox
