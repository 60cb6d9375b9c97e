#include "runner/world_stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "harness/base/filesystem.hpp"
#include "harness/model/verb_parser.hpp"
#include "runner/attempt.hpp"
#include "runner/world_description.hpp"
#include "runner/world_verbs.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/unit/runner/calling_program.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Topology pair_of_machines() {
  Topology topology;
  topology.name = "pair";
  topology.networks.push_back(
      {.name = "lan", .subnets = {"10.90.0.0/24"}, .impair = {}, .where = {}});
  for (const char* name : {"a", "b"}) {
    TopologyMachine machine;
    machine.name = name;
    machine.environment = "tiny";
    machine.links = {{"lan",
                      {"10.90.0." + std::to_string(topology.machines.size() + 1) + "/24"},
                      device_mac(0, topology.machines.size())}};
    topology.machines.push_back(machine);
  }
  return topology;
}

/// Worlds of fake machines on real switches.
class FakeTopology final : public PreparedTopology {
public:
  FakeTopology(std::shared_ptr<FakeWorld> machines, Topology topology)
      : m_topology(std::move(topology)), m_machines(std::move(machines)) {}

  const Topology& definition() const override { return m_topology; }

  std::unique_ptr<World> world(const WorldOptions& options, Deadline deadline,
                               const CancelToken& cancel) override {
    WorldPlan plan;
    plan.topology = m_topology;
    for (const TopologyMachine& machine : m_topology.machines)
      plan.environments[machine.name].name = "tiny";
    plan.run_name = options.run_name;
    plan.seed = options.seed;
    plan.make = [this](const TopologyMachine& machine, MachineOptions, Deadline,
                       const CancelToken&) { return make_fake_machine(m_machines, machine.name); };
    return std::make_unique<World>(std::move(plan), deadline, cancel);
  }

private:
  Topology m_topology;
  std::shared_ptr<FakeWorld> m_machines;
};

class Witness : public TestEventListener {
public:
  void verb_done(const TestRun&, const VerbRecord& record) override { verbs.push_back(record); }
  std::vector<VerbRecord> verbs;
};

class WorldStageTest : public testing::Test {
protected:
  WorldStageTest() {
    std::promise<WorkTree> tree;
    tree.set_value({"/src", {"drive"}, "abc123"});
    m_context.run_id = "20260131T000000Z-abcdef";
    m_context.run_directory = m_directory.path();
    m_context.work_tree = tree.get_future().share();
    m_context.start_directory = "/src";
    m_context.kept_directory = m_directory.path() / "kept";
    m_context.seed = 7;
    m_use.driver = "fake";
    m_use.topology = pair_of_machines();
    m_test.name = "drive";
    m_test.topology = "pair";
    m_test.from = "a";
    m_test.command = {"./drive"};
    m_run.test = &m_test;
    m_run.id = "drive";
    m_run.machine = "nestbox-abcdef-1";
    m_run.directory = m_directory.path() / "test";
    fs::create_directories(m_run.directory);
  }

  void step(const std::vector<std::string>& words) {
    m_test.command.clear();
    m_test.steps.push_back({parse_verb(words), {}});
  }

  TestResult run() {
    const auto prepared = make_world_stage(
        std::make_shared<FakeTopology>(m_machines, *m_use.topology), make_fake_environment(m_host));
    return run_attempt(m_context, m_use, *prepared, m_run, m_witness, {});
  }

  TemporaryDirectory m_directory;
  std::shared_ptr<FakeWorld> m_machines = std::make_shared<FakeWorld>();
  std::shared_ptr<FakeWorld> m_host = std::make_shared<FakeWorld>();
  RunContext m_context;
  EnvironmentUse m_use;
  nestbox::Test m_test;
  TestRun m_run;
  Witness m_witness;
};

std::string machine_of(const Command& command) {
  return command.environment.at("NESTBOX_MACHINE");
}

TEST_F(WorldStageTest, RunsTheScriptOnTheMachineThatItNames) {
  m_test.from = "b";
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::passed) << result.detail;
  EXPECT_EQ(result.seed, 7U);
  ASSERT_EQ(m_machines->commands.size(), 1U);
  const Command& command = m_machines->commands[0];
  EXPECT_THAT(command.argv, ElementsAre("./drive"));
  EXPECT_EQ(machine_of(command), "b");
  EXPECT_EQ(command.environment.at("NESTBOX_SEED"), "7");
  EXPECT_EQ(command.environment.at("NESTBOX_MACHINES"), describe_machines(pair_of_machines()));
  EXPECT_EQ(command.environment.at("PYTHONPATH"), "/work/python");
  EXPECT_THAT(m_machines->put, testing::Contains("/work/python: nestbox.py"));
  EXPECT_EQ(m_machines->alive, 0);
}

TEST_F(WorldStageTest, RunsTheScriptOnTheHost) {
  m_test.from = k_from_host;
  m_test.variables = {{"PYTHONPATH", "/mine"}};
  EXPECT_EQ(run().outcome, Outcome::passed);
  EXPECT_TRUE(m_machines->commands.empty());
  ASSERT_EQ(m_host->commands.size(), 1U);
  const Command& command = m_host->commands[0];
  EXPECT_EQ(machine_of(command), "host");
  const fs::path tools = m_directory.path() / "tools";
  EXPECT_EQ(command.environment.at("PYTHONPATH"), (tools / "python").string() + ":/mine");
  EXPECT_TRUE(command.environment.at("PATH").starts_with((tools / "bin").string() + ":"));
  EXPECT_EQ(read_file(tools / "python/nestbox.py"), python_module());
  EXPECT_TRUE(fs::is_symlink(tools / "bin/nestbox"));
}

TEST_F(WorldStageTest, DoesVerbsForProgramsInItsMachines) {
  CallingProgram program;
  m_machines->run = [&](const Command& command, const CommandIo& io, Deadline, const CancelToken&) {
    if (machine_of(command) == "b") {
      io.output(OutputStream::standard_output, "hello from b\n");
      return CommandResult{{5, 0}};
    }
    program.call({"exec", "b", "--", "greet"});
    EXPECT_TRUE(m_machines->call("a", program.host_end()));
    EXPECT_EQ(program.finish(), 5);
    return CommandResult{};
  };
  EXPECT_EQ(run().outcome, Outcome::passed);
  EXPECT_EQ(program.output(), "hello from b\n");
  ASSERT_EQ(m_witness.verbs.size(), 1U);
  EXPECT_EQ(m_witness.verbs[0].caller, "a");
  EXPECT_EQ(m_witness.verbs[0].verb, "exec b -- greet");
  EXPECT_EQ(m_witness.verbs[0].exit_code, 5);
  EXPECT_EQ(m_witness.verbs[0].step, 0);
}

TEST_F(WorldStageTest, RefusesVerbsThatMakeNoSense) {
  CallingProgram program;
  m_machines->run = [&](const Command&, const CommandIo&, Deadline, const CancelToken&) {
    program.call({"exec", "bb", "--", "greet"});
    m_machines->call("a", program.host_end());
    EXPECT_EQ(program.finish(), 2);
    return CommandResult{};
  };
  EXPECT_EQ(run().outcome, Outcome::passed);
  EXPECT_THAT(program.output(), HasSubstr("did you mean 'b'?"));
}

TEST_F(WorldStageTest, EndsTheTestWithTheFirstMachineThatEnds) {
  m_machines->console = "Kernel panic - not syncing: Fatal exception\n";
  m_machines->run = [this](const Command&, const CommandIo&, Deadline deadline,
                           const CancelToken& cancel) {
    m_machines->end("b", Condition::panicked);
    CommandResult result;
    result.cancelled = wait_readable(cancel.descriptor(), deadline) == Wait::ready;
    return result;
  };
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::panic);
  EXPECT_EQ(result.detail, "machine 'b': kernel panic: Fatal exception; see its console");
  EXPECT_EQ(read_file(m_run.directory / "console-b.log"), m_machines->console);
  EXPECT_THAT(read_file(m_run.directory / "network.json"), HasSubstr("frames_in"));
  EXPECT_EQ(m_machines->alive, 0);
}

TEST_F(WorldStageTest, DoesStepsInOrderAndNamesTheOneThatFails) {
  step({"exec", "a,b", "--", "first"});
  step({"net", "partition", "a", "|", "b"});
  step({"exec", "b", "--", "second"});
  step({"exec", "a", "--", "never"});
  m_machines->run = [](const Command& command, const CommandIo& io, Deadline, const CancelToken&) {
    io.output(OutputStream::standard_output, "1..1\nok 1 " + command.argv[0] + "\n");
    return CommandResult{{command.argv[0] == "second" ? 4 : 0, 0}};
  };
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::failed);
  EXPECT_EQ(result.detail, "step 3 (exec b -- second): machine 'b': exit code 4");
  EXPECT_EQ(m_machines->commands.size(), 3U);
  EXPECT_EQ(m_witness.verbs.size(), 3U);
  const std::string output = read_file(m_run.directory / "output.log");
  EXPECT_THAT(output, HasSubstr("# step 2 of 4: net partition"));
  EXPECT_THAT(output, HasSubstr("b | ok 1 second\n"));
  std::set<std::string> cases;
  for (const CaseReport& report : result.reports)
    for (const TestCase& test_case : report.cases)
      cases.insert(test_case.name);
  EXPECT_THAT(cases, testing::Contains("a > first"));
}

TEST_F(WorldStageTest, CallsAStepThatTookTooLongATimeout) {
  step({"exec", "a", "--timeout", "1ms", "--", "slow"});
  m_machines->run = [](const Command&, const CommandIo&, Deadline deadline, const CancelToken&) {
    wait_readable(CancelSource().token().descriptor(), deadline);
    CommandResult result;
    result.timed_out = true;
    return result;
  };
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::timeout);
  EXPECT_THAT(result.detail, HasSubstr("step 1 (exec a --timeout 1ms -- slow): machine 'a'"));
}

/// What machines answer that let somebody in.
FakeWorld::Run with_ssh_server() {
  return printing("ssh-ed25519 AAAA root@template\n", 0);
}

TEST_F(WorldStageTest, LetsATestOnTheHostIntoItsMachines) {
  for (TopologyMachine& machine : m_use.topology->machines)
    machine.user = "admin";
  m_test.from = k_from_host;
  m_test.exposed = {{"CORES", {"{name}", ":"}}, {"PEER", {"{b.address}"}}};
  m_machines->run = with_ssh_server();
  EXPECT_EQ(run().outcome, Outcome::passed);
  const std::map<std::string, std::string>& variables = m_host->commands[0].environment;
  EXPECT_EQ(variables.at("CORES"), "a:b");
  EXPECT_EQ(variables.at("PEER"), "10.90.0.2");
  EXPECT_EQ(variables.at("NESTBOX_SSH_CONFIG"), "/work/ssh/config");
  EXPECT_THAT(variables.at("PATH"), HasSubstr("/tools/bin:/work/ssh/bin:"));
  const auto machines = nlohmann::json::parse(variables.at("NESTBOX_MACHINES"));
  EXPECT_EQ(machines["a"]["ssh"]["host"], "127.0.0.1");
  EXPECT_GT(machines["a"]["ssh"]["port"], 0);
  EXPECT_NE(machines["a"]["ssh"]["port"], machines["b"]["ssh"]["port"]);
  EXPECT_EQ(machines["b"]["ssh"]["key"], "/work/ssh/id");
  EXPECT_EQ(m_host->put[0], "/work/ssh: id id.pub known_hosts config bin/ssh bin/scp bin/sftp");
  ASSERT_EQ(m_machines->commands.size(), 2U);
  EXPECT_EQ(m_machines->commands[0].environment.at("NESTBOX_LOGIN"), "admin");
  EXPECT_TRUE(m_machines->commands[0].environment.at("NESTBOX_PUBLIC_KEY").starts_with("ssh-"));
}

TEST_F(WorldStageTest, LetsATestInOneMachineIntoTheOthers) {
  for (TopologyMachine& machine : m_use.topology->machines)
    machine.user = "root";
  m_test.exposed = {{"CORES", {"{user}@{host}:{port}", ","}}};
  m_machines->run = with_ssh_server();
  EXPECT_EQ(run().outcome, Outcome::passed);
  const Command& command = m_machines->commands.back();
  EXPECT_EQ(command.argv[0], "./drive");
  EXPECT_EQ(command.environment.at("CORES"), "root@10.90.0.2:22");
  EXPECT_THAT(m_machines->put, testing::Contains("/root/.ssh: config"));
  EXPECT_THAT(m_machines->put, testing::Contains("/work/ssh: id id.pub known_hosts config"));
}

TEST_F(WorldStageTest, SaysWhichMachineHasNoSshServer) {
  m_use.topology->machines[1].user = "root";
  m_machines->run = [](const Command&, const CommandIo& io, Deadline, const CancelToken&) {
    io.output(OutputStream::standard_error, "there is no ssh server in it\n");
    return CommandResult{{3, 0}};
  };
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::infra);
  EXPECT_THAT(result.detail, HasSubstr("cannot set up 'b' for ssh: there is no ssh server in it"));
}

TEST_F(WorldStageTest, SkipsWhereVirtualizationIsMissing) {
  m_test.needs.nested = true;
  m_machines->run = printing("cannot open '/dev/kvm': No such file or directory\n", 1);
  const TestResult result = run();
  EXPECT_EQ(result.outcome, Outcome::skipped);
  EXPECT_EQ(result.detail, "needs a hypervisor inside; on machine 'a' cannot open '/dev/kvm': No "
                           "such file or directory");
}

TEST(WorldVerbs, StretchTheirTimeLimits) {
  const auto limit = [](const std::vector<std::string>& words) {
    return to_string(stretched(parse_verb(words), 2.5));
  };
  EXPECT_THAT(limit({"exec", "a", "--timeout", "2s", "--", "x"}), HasSubstr("--timeout 5s"));
  EXPECT_THAT(limit({"exec", "a", "--", "x"}), testing::Not(HasSubstr("timeout")));
  EXPECT_THAT(limit({"barrier", "x", "--timeout", "2s"}), HasSubstr("5s"));
  EXPECT_THAT(limit({"wait-for", "a", "port", "80", "--timeout", "2s"}), HasSubstr("5s"));
}

TEST(WorldDescription, ListsMachinesInTheirOrder) {
  EXPECT_EQ(describe_machines(pair_of_machines()),
            R"({"a":{"hostname":"a","environment":"tiny","addresses":{"lan":["10.90.0.1"]}},)"
            R"("b":{"hostname":"b","environment":"tiny","addresses":{"lan":["10.90.0.2"]}}})");
}

}  // namespace
}  // namespace nestbox
