#include "runner/cli/driver_chooser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/cli/plain_progress.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

/// What one driver of this test's says of itself.
struct Facts {
  Capabilities can;
  Availability availability;
  int asked = 0;  ///< for its availability
};

class StubDriver final : public Driver {
public:
  StubDriver(std::string name, Facts& facts) : m_name(std::move(name)), m_facts(facts) {}

  std::string_view name() const override { return m_name; }
  Capabilities capabilities() const override { return m_facts.can; }
  Availability availability() override {
    ++m_facts.asked;
    return m_facts.availability;
  }
  std::unique_ptr<Machine> boot(const MachineSpec&, const BootOptions&, Deadline,
                                const CancelToken&) override {
    throw Error(ErrorCode::unsupported, "not here");
  }
  std::unique_ptr<Machine> fork(const Snapshot&, const ForkOptions&, Deadline,
                                const CancelToken&) override {
    throw Error(ErrorCode::unsupported, "not here");
  }
  std::string snapshot_key() override { return m_name; }
  double slowdown() override { return 1.0; }

private:
  std::string m_name;
  Facts& m_facts;
};

class Choosing : public testing::Test {
protected:
  Choosing() {
    add("vm", Cost::guest, {.machine = true, .fork = true, .network = true, .ethernet = true});
    add("box", Cost::container, {.boots = Boots::image, .fork = true, .peers = true});
    add("cloud", Cost::money, {.boots = Boots::image, .machine = true, .nested = true});
    add("local", Cost::nothing, {.boots = Boots::host});
  }

  void add(const std::string& name, Cost cost, const Capabilities& can) {
    Facts& facts = m_facts[name];
    facts.can = can;
    facts.availability = {.available = true, .reason = name + " 1.0"};
    m_registry.add(
        name,
        [name, &facts](const DriverSettings&) { return std::make_unique<StubDriver>(name, facts); },
        cost);
  }

  void remove(const std::string& name) {
    m_facts.at(name).availability = {.reason = "there is none", .hint = "get one"};
  }

  DriverChoice choose(const nestbox::Test& test) {
    m_workbench.emplace(m_registry, Workbench::Settings{}, m_progress);
    m_chooser.emplace(*m_workbench,
                      DriverChooser::Wish{m_definition, m_driver, m_markers, m_accelerator});
    return m_chooser->choose(test);
  }
  std::string name_for(const nestbox::Test& test) { return choose(test).driver.name; }

  Definition m_definition;
  nestbox::Test m_test;
  std::string m_driver = "auto";
  std::string m_markers;
  AcceleratorPolicy m_accelerator = AcceleratorPolicy::prefer;
  std::map<std::string, Facts> m_facts;
  DriverRegistry m_registry;
  PlainProgress m_progress;
  std::optional<Workbench> m_workbench;
  std::optional<DriverChooser> m_chooser;
};

TEST_F(Choosing, GivesATestThatSaysNothingAMachine) {
  const DriverChoice choice = choose(m_test);
  EXPECT_EQ(choice.driver.name, "vm");
  EXPECT_EQ(choice.why, "the cheapest that can");
  EXPECT_THAT(m_chooser->lines(), ElementsAre("vm: vm 1.0"));
  EXPECT_EQ(m_facts["box"].asked, 0);
}

TEST_F(Choosing, TakesAContainerWhereOneWillDo) {
  m_test.needs.container = true;
  const DriverChoice choice = choose(m_test);
  EXPECT_EQ(choice.driver.name, "box");
  EXPECT_EQ(choice.why, "a container will do");
  EXPECT_EQ(m_facts["vm"].asked, 0);
  remove("box");
  EXPECT_EQ(choose(m_test).why, "a container will do; box: there is none (get one)");
  EXPECT_EQ(name_for(m_test), "vm");
  EXPECT_THAT(m_chooser->lines(),
              ElementsAre("vm: vm 1.0; instead of box: there is none (get one)"));
  m_test.needs.network = NetworkAccess::user;
  EXPECT_EQ(choose(m_test).why,
            "a container will do; needs a network; driver 'box' cannot give it one");
}

TEST_F(Choosing, TakesAContainerBeforeTheHostWhereThereIsNoMachine) {
  remove("vm");
  EXPECT_EQ(name_for(m_test), "box");
  EXPECT_THAT(m_chooser->lines(),
              ElementsAre("box: box 1.0; instead of vm: there is none (get one)"));
}

TEST_F(Choosing, LooksForWhoCanBootTheImage) {
  m_definition.environments["debian"].image = "docker:debian:12";
  EXPECT_EQ(name_for(m_test), "box");
}

TEST_F(Choosing, LooksForWhoCanJoinMachines) {
  m_test.topology = "install";
  Topology& world = m_definition.topologies["install"];
  world.any_network = true;
  EXPECT_EQ(name_for(m_test), "vm");
  remove("vm");
  EXPECT_EQ(name_for(m_test), "box");
}

TEST_F(Choosing, PaysOnlyForWhatNothingElseCan) {
  m_test.needs.nested = true;
  EXPECT_EQ(name_for(m_test), "cloud");
  remove("cloud");
  EXPECT_EQ(name_for(m_test), "vm") << "which then says what it lacks";
}

TEST_F(Choosing, FallsBackToTheHostAndSaysWhy) {
  remove("vm");
  remove("box");
  remove("cloud");
  const DriverChoice choice = choose(m_test);
  EXPECT_EQ(choice.driver.name, "local");
  EXPECT_EQ(choice.why, "no hypervisor works here: vm: there is none (get one); "
                        "box: there is none (get one)");
  m_accelerator = AcceleratorPolicy::require;
  EXPECT_THROW(choose(m_test), Error);
}

TEST_F(Choosing, RunsUnitTestsOnTheHost) {
  m_test.markers = {"unit"};
  EXPECT_EQ(choose(m_test).why, "unit tests need no machine");
  m_test.markers = {};
  m_markers = "not vm";
  EXPECT_EQ(name_for(m_test), "local");
  EXPECT_EQ(m_facts["vm"].asked, 0);
}

TEST_F(Choosing, TakesTheDriverThatIsNamed) {
  m_driver = "box";
  EXPECT_EQ(name_for(m_test), "box");
  EXPECT_EQ(choose(m_test).why, "");
  remove("box");
  try {
    choose(m_test);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "driver 'box' does not work here: there is none");
    EXPECT_EQ(error.hint, "get one");
  }
}

}  // namespace
}  // namespace nestbox
