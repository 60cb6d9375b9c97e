#include "harness/env/world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "harness/env/topology_environment.hpp"
#include "harness/env/world_watch.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/support/progress_recorder.hpp"
#include "tests/unit/env/fake_driver.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::UnorderedElementsAre;

/// Three machines on one network; c comes after a and b.
Topology trio() {
  Topology topology;
  topology.name = "trio";
  TopologyNetwork& network = topology.networks.emplace_back();
  network.name = "lan";
  network.subnets = {"10.90.0.0/24"};
  network.mtu = 1400;
  for (const char* name : {"a", "b", "c"}) {
    TopologyMachine machine;
    machine.name = name;
    machine.environment = "tiny";
    const std::string digit = std::to_string(topology.machines.size() + 1);
    machine.links.push_back({"lan", {"10.90.0." + digit + "/24"}, "52:54:00:00:01:0" + digit});
    topology.machines.push_back(machine);
  }
  topology.machines[2].after = {"a", "b"};
  return topology;
}

class MadeWorld : public testing::Test {
protected:
  MadeWorld() {
    m_plan.topology = trio();
    m_plan.run_name = "run";
    for (const TopologyMachine& machine : m_plan.topology.machines)
      m_plan.environments[machine.name].name = "tiny";
    m_plan.make = [this](const TopologyMachine& machine, const MachineOptions& options, Deadline,
                         const CancelToken& cancel) {
      if (m_before)
        m_before(machine.name, cancel);
      const std::lock_guard lock(m_mutex);
      m_order.push_back(machine.name);
      m_options[machine.name] = options;
      return make_fake_machine(m_fakes, options.name);
    };
  }

  std::unique_ptr<World> make() {
    return std::make_unique<World>(m_plan, Deadline::after(std::chrono::minutes(1)), m_cancel);
  }

  Error failure() {
    try {
      make();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::usage, "nothing failed");
  }

  std::shared_ptr<FakeWorld> m_fakes = std::make_shared<FakeWorld>();
  WorldPlan m_plan;
  CancelToken m_cancel;
  std::function<void(const std::string& machine, const CancelToken&)> m_before;
  std::mutex m_mutex;
  std::vector<std::string> m_order;
  std::map<std::string, MachineOptions> m_options;
};

TEST_F(MadeWorld, GivesEachMachineItsNameAndItsPlaceOnTheNetworks) {
  const auto world = make();
  EXPECT_EQ(world->machine("b").spec().name, "run-b");
  const Identity& identity = *m_options.at("b").identity;
  EXPECT_EQ(identity.hostname, "b");
  ASSERT_EQ(identity.interfaces.size(), 1U);
  EXPECT_EQ(
      identity.interfaces[0],
      (InterfaceIdentity{
          .mac = "52:54:00:00:01:02", .addresses = {"10.90.0.2/24"}, .mtu = 1400, .routes = {}}));
  EXPECT_THAT(identity.hosts,
              ElementsAre("10.90.0.1 a a.lan", "10.90.0.2 b b.lan", "10.90.0.3 c c.lan"));
  EXPECT_EQ(m_options.at("b").cables.size(), 1U);
  EXPECT_EQ(world->network("lan").counters().size(), 3U);
}

TEST_F(MadeWorld, AsksMachinesForTheirAddressesWhereAnyNetworkWillDo) {
  m_plan.topology.any_network = true;
  m_plan.topology = without_networks(m_plan.topology);
  m_plan.topology.machines[2].after.clear();
  m_fakes->run = [](const Command& command, const CommandIo& io, Deadline, const CancelToken&) {
    if (command.argv.back() == "/proc/net/fib_trie")
      io.output(OutputStream::standard_output, "|-- 192.0.2.7\n/32 host LOCAL\n");
    return CommandResult{};
  };
  const auto world = make();
  EXPECT_EQ(world->topology().machines[1].links,
            (std::vector<TopologyLink>{{"lan", {"192.0.2.7"}, ""}}));
  EXPECT_EQ(address_of(world->topology(), "b", "a"), "192.0.2.7");
  m_fakes->run = printing("", 0);
  m_fakes->alive = 0;
  EXPECT_THAT(failure().message, MatchesRegex("machine 'run-[abc]' has no address on a network"))
      << "whichever answered first";
}

TEST_F(MadeWorld, StartsAMachineAfterThoseItComesAfter) {
  m_plan.topology.machines[0].after = {"b"};
  make();
  EXPECT_THAT(m_order, ElementsAre("b", "a", "c"));
}

TEST_F(MadeWorld, NamesTheMachineThatCannotBeMadeAndEndsTheOthers) {
  m_before = [](const std::string& machine, const CancelToken& cancel) {
    if (machine == "b")
      throw Error(ErrorCode::infrastructure, "its console said: oh");
    // Cancelled because b failed, or else at the test's own time limit.
    wait_readable(cancel.descriptor(), Deadline::never());
    cancel.throw_if_cancelled();
  };
  const Error error = failure();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_EQ(error.message, "its console said: oh");
  EXPECT_THAT(error.trace, ElementsAre("while making machine 'b' of topology 'trio'"));
  EXPECT_EQ(m_fakes->alive, 0);
}

TEST_F(MadeWorld, EndsWhenItIsCancelled) {
  CancelSource source;
  m_cancel = source.token();
  m_before = [&](const std::string&, const CancelToken& cancel) {
    source.cancel();
    cancel.throw_if_cancelled();
  };
  EXPECT_EQ(failure().code, ErrorCode::cancelled);
}

TEST_F(MadeWorld, EndsItsMachinesWithItself) {
  auto world = make();
  EXPECT_EQ(m_fakes->alive, 3);
  world.reset();
  EXPECT_EQ(m_fakes->alive, 0);
}

TEST_F(MadeWorld, KnowsNoOthers) {
  const auto world = make();
  try {
    world->machine("aa");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "there is no machine 'aa' in topology 'trio'");
    EXPECT_EQ(error.hint, "did you mean 'a'?");
  }
}

TEST_F(MadeWorld, TellsOfAMachinesEnd) {
  const auto world = make();
  std::vector<std::string> ended;
  world->on_end([&](const std::string& machine, Condition how) {
    ended.push_back(machine + (how == Condition::panicked ? " panicked" : ""));
  });
  m_fakes->end("run-b", Condition::panicked);
  EXPECT_THAT(ended, ElementsAre("b panicked"));
}

TEST_F(MadeWorld, IsWatchedWhileSomethingIsDone) {
  const auto world = make();
  m_fakes->console = "Kernel panic - not syncing\n";
  try {
    while_all_live(*world, {}, [&](const CancelToken& cancel) {
      m_fakes->end("run-c", Condition::panicked);
      cancel.throw_if_cancelled();
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::lost);
    EXPECT_THAT(error.message, HasSubstr("machine 'c': its kernel panicked"));
    EXPECT_THAT(error.message, HasSubstr("Kernel panic - not syncing"));
  }
}

TEST(Topology, IsRefusedByADriverThatCannotMakeWorlds) {
  FakeDriver driver;
  Topology topology = trio();
  topology.where = SourceLocation{"nestbox.yml", 3, 3, "  trio:"};
  const auto refusal = [&] {
    try {
      check_topology(driver, topology);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::unsupported);
      EXPECT_EQ(error.where, topology.where);
      return error.message;
    }
    return std::string();
  };
  driver.can.ethernet = false;
  EXPECT_EQ(refusal(),
            "driver 'fake' cannot wire machines to each other; topology 'trio' needs it");
  driver.can.ethernet = true;
  EXPECT_EQ(refusal(), "");
  driver.can.fork = false;
  EXPECT_EQ(refusal(), "driver 'fake' cannot fork a running machine; topology 'trio' needs it");
  topology.any_network = true;
  driver.can = {};
  EXPECT_EQ(refusal(),
            "driver 'fake' cannot make machines that reach each other; topology 'trio' needs it");
  driver.can.peers = true;
  EXPECT_EQ(refusal(), "");
  EXPECT_TRUE(made_with(driver.can, topology).networks.empty());
  driver.can.ethernet = true;
  EXPECT_EQ(made_with(driver.can, topology), topology);
}

TEST(Topology, TellsTheDriverOfEachSnapshotOfAPublishedWorld) {
  const TemporaryDirectory folder;
  LayerCache cache(folder.path() / "cache");
  ProgressRecorder progress;
  FakeDriver driver;
  driver.can.boots = Boots::image;
  driver.can.ethernet = true;
  Definition definition;
  definition.environments["tiny"].name = "tiny";
  Topology topology = trio();
  topology.setup.push_back(
      {ExecVerb{
           .machines = {"a"}, .timeout = {}, .directory = {}, .variables = {}, .command = {"one"}},
       {}});
  const auto prepare = [&] {
    driver.kept.clear();
    prepare_topology({cache, progress, {}}, driver, definition, topology, folder.path());
    std::vector<fs::path> kept;
    for (const fs::path& directory : driver.kept)
      if (fs::exists(directory.parent_path().parent_path() / "networks"))
        kept.push_back(directory);
    return kept;
  };
  const std::vector<fs::path> kept = prepare();
  EXPECT_THAT(kept, testing::SizeIs(3));
  EXPECT_EQ(prepare(), kept) << "one that was published by a process that was killed then, too";
}

}  // namespace
}  // namespace nestbox
