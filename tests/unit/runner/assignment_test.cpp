#include "runner/cli/assignment.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

Test named(const std::string& name, std::vector<std::string> markers = {}) {
  nestbox::Test test;
  test.name = name;
  test.markers = std::move(markers);
  return test;
}

MarkerExpression expression(std::string_view text) {
  return value_or_throw(MarkerExpression::parse(text));
}

TEST(Assignment, KeepsPlainTestsInMachinesUnlessToldOtherwise) {
  EXPECT_FALSE(belongs_on_host(named("a"), expression("")));
  EXPECT_FALSE(belongs_on_host(named("a", {"slow"}), expression("slow")));
  EXPECT_TRUE(belongs_on_host(named("a"), expression("not vm")));
  EXPECT_TRUE(belongs_on_host(named("a", {"slow"}), expression("slow and not vm")));
  EXPECT_TRUE(belongs_on_host(named("a", {"unit"}), expression("")));
}

TEST(Assignment, NeverPutsAMachineTestOnTheHost) {
  EXPECT_FALSE(belongs_on_host(named("a", {"vm", "unit"}), expression("")));
  nestbox::Test test = named("a", {"unit"});
  test.needs.machine = true;
  EXPECT_FALSE(belongs_on_host(test, expression("")));
  test.needs = {};
  test.needs.nested = true;
  EXPECT_FALSE(belongs_on_host(test, expression("")));
}

TEST(Assignment, SaysWhichNeedIsUnmet) {
  const Capabilities host{.boots = Boots::host, .network = true, .terminal = true};
  const Capabilities machine{.machine = true, .fork = true, .terminal = true};
  EXPECT_EQ(unmet_need(named("a"), nullptr, "local", host), std::nullopt);
  EXPECT_EQ(unmet_need(named("a", {"vm"}), nullptr, "local", host),
            "needs a machine of its own; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(named("a", {"vm"}), nullptr, "docker", {.boots = Boots::image}),
            "needs a machine of its own; driver 'docker' shares this host's kernel");
  EXPECT_EQ(unmet_need(named("a", {"vm"}), nullptr, "qemu", machine), std::nullopt);
  EXPECT_EQ(unmet_need(named("a", {"nested"}), nullptr, "qemu", machine),
            "needs a hypervisor inside; driver 'qemu' cannot give it one");
  nestbox::Test greedy = named("a");
  greedy.needs.privileged = true;
  EXPECT_EQ(unmet_need(greedy, nullptr, "local", host),
            "needs all that root may do; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(greedy, nullptr, "qemu", machine), std::nullopt);
  greedy.needs.docker = true;
  EXPECT_EQ(unmet_need(greedy, nullptr, "qemu", machine),
            "needs a container engine of its own; driver 'qemu' cannot give it one");
  nestbox::Test test = named("a");
  test.needs.network = NetworkAccess::user;
  EXPECT_EQ(unmet_need(test, nullptr, "qemu", machine),
            "needs a network; driver 'qemu' cannot give it one");
}

TEST(Assignment, KeepsTestsForWindowsAndForLinuxApart) {
  const Capabilities linux_only{.boots = Boots::host, .machine = true};
  Capabilities both = linux_only;
  both.windows_machines = true;
  Capabilities windows_only = both;
  windows_only.linux_machines = false;
  nestbox::Test program = named("program");
  program.command = {"tool", "argument"};
  nestbox::Test script = named("test.sh");
  script.script = "test.sh";
  script.command = {"./test.sh"};
  nestbox::Test text = named("text");
  text.command = {"/bin/sh", "-c", "true"};
  nestbox::Test windows = named("test.ps1", {"unit"});
  windows.script = "test.ps1";
  windows.needs.windows = true;

  EXPECT_EQ(unmet_need(windows, nullptr, "qemu", linux_only),
            "needs Windows; driver 'qemu' has none");
  EXPECT_EQ(unmet_need(windows, nullptr, "local", {.boots = Boots::host}),
            "needs Windows; driver 'local' runs on this host");
  EXPECT_FALSE(belongs_on_host(windows, expression("")));
  EXPECT_EQ(unmet_need(windows, nullptr, "ssh", both), std::nullopt);
  EXPECT_EQ(unmet_need(windows, nullptr, "ec2", windows_only), std::nullopt);
  for (const nestbox::Test& test : {program, script, text})
    EXPECT_EQ(unmet_need(test, nullptr, "ssh", both), std::nullopt) << test.name;
  EXPECT_EQ(unmet_need(program, nullptr, "ec2", windows_only), std::nullopt);
  for (const nestbox::Test& test : {script, text})
    EXPECT_EQ(unmet_need(test, nullptr, "ec2", windows_only),
              "needs a Unix shell; driver 'ec2' has Windows machines");

  const auto runs_on_windows = [](const nestbox::Test& test, const Capabilities& can) {
    return use_for(test, {}, DriverFacts{"x", can, ""}).environment.windows;
  };
  EXPECT_TRUE(runs_on_windows(windows, both));
  EXPECT_FALSE(runs_on_windows(program, both));
  EXPECT_TRUE(runs_on_windows(program, windows_only));
}

TEST(Assignment, InstallsNoPackagesOnWindows) {
  Definition definition;
  definition.environments.at("debian").packages = {"curl"};
  Capabilities windows{.boots = Boots::image, .machine = true, .windows_machines = true};
  windows.linux_machines = false;
  EXPECT_EQ(why_not(named("a"), definition, "ec2", windows),
            "its environment has packages, which driver 'ec2' cannot install on Windows");
  windows.boots = Boots::host;
  EXPECT_EQ(why_not(named("a"), definition, "ssh", windows), std::nullopt);
}

TEST(Assignment, HasNoWorldsOfWindowsMachines) {
  Definition definition;
  Topology& trio = definition.topologies["trio"];
  trio.any_network = true;
  Capabilities windows{.boots = Boots::image, .machine = true, .peers = true};
  windows.linux_machines = false;
  nestbox::Test test = named("a");
  test.topology = "trio";
  EXPECT_EQ(unmet_need(test, &trio, "ec2", windows),
            "needs machines of Linux; driver 'ec2' has Windows machines");
}

TEST(Assignment, SaysWhichEnvironmentADriverCannotMake) {
  const Capabilities containers{.boots = Boots::image};
  Environment environment;
  EXPECT_EQ(unmet_environment(environment, "docker", containers), std::nullopt);
  environment.init = Init::systemd;
  EXPECT_EQ(unmet_environment(environment, "docker", containers),
            "its environment needs systemd; driver 'docker' has none in its machines");
  EXPECT_EQ(unmet_environment(environment, "ec2", {.boots = Boots::image, .machine = true}),
            std::nullopt);
  environment.init = Init::agent;
  environment.image = "tiny";
  EXPECT_EQ(unmet_environment(environment, "docker", containers), std::nullopt);
  EXPECT_EQ(unmet_environment(environment, "ec2", {.boots = Boots::image, .machine = true}),
            "its environment is image 'tiny', which driver 'ec2' cannot boot");
  environment.image = "disk:own.qcow2";
  EXPECT_EQ(unmet_environment(environment, "docker", containers),
            "its environment is image 'disk:own.qcow2', which driver 'docker' cannot boot");
  EXPECT_EQ(unmet_environment(environment, "qemu", {.machine = true}), std::nullopt);
  environment.image = "docker:debian:12";
  EXPECT_EQ(unmet_environment(environment, "docker", containers), std::nullopt);
  EXPECT_EQ(unmet_environment(environment, "qemu", {.machine = true}),
            "its environment is image 'docker:debian:12', which driver 'qemu' cannot boot");
}

TEST(Assignment, RaisesTheEnvironmentToTheNeeds) {
  Definition definition;
  nestbox::Test test = named("a");
  test.needs.memory = gibibytes(1);
  test.needs.cores = 2;
  const DriverFacts facts{"qemu", {.machine = true}, "tcg", 4.0};
  const Environment& made = use_for(test, definition, facts).environment;
  EXPECT_EQ(made.memory, gibibytes(1));
  EXPECT_EQ(made.cores, 2);
  definition.environments.at("debian").memory = gibibytes(2);
  EXPECT_EQ(use_for(test, definition, facts).environment.memory, gibibytes(2));
}

Definition with_trio() {
  Definition definition;
  Topology& trio = definition.topologies["trio"];
  trio.name = "trio";
  for (const char* name : {"a", "b", "c"}) {
    TopologyMachine& machine = trio.machines.emplace_back();
    machine.name = name;
    machine.environment = "tiny";
  }
  trio.machines[2].cores = 4;
  return definition;
}

nestbox::Test in_trio(const std::string& name, const std::string& from) {
  nestbox::Test test = named(name);
  test.topology = "trio";
  test.from = from;
  test.needs.machine = true;
  return test;
}

TEST(Assignment, PreparesATopologyOnceForAllItsTests) {
  const DriverFacts facts{"qemu", {.machine = true, .fork = true, .ethernet = true}, "tcg", 4.0};
  const Assignment assignment =
      assign({in_trio("x", "a"), in_trio("y", "host"), named("z")}, with_trio(),
             [&](const nestbox::Test&) { return DriverChoice(facts); });
  ASSERT_EQ(assignment.environments.size(), 2U);
  EXPECT_EQ(assignment.tests[0].environment, assignment.tests[1].environment);
  const EnvironmentUse& use = assignment.environments[0];
  EXPECT_EQ(use.label(), "topology 'trio'");
  EXPECT_EQ(use.size(), (Resources{6, mebibytes(3 * 256), 3}));
}

TEST(Assignment, SaysWhyADriverHasNoWorlds) {
  const Definition definition = with_trio();
  const Topology& trio = definition.topologies.at("trio");
  const nestbox::Test test = in_trio("x", "a");
  EXPECT_EQ(unmet_need(test, &trio, "local", {.boots = Boots::host}),
            "needs a world of machines; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(test, &trio, "docker", {.boots = Boots::image}),
            "needs a world of machines; driver 'docker' shares this host's kernel");
  EXPECT_EQ(unmet_need(test, &trio, "ssh", {.machine = true}),
            "needs networks between machines; driver 'ssh' cannot make them");
  EXPECT_EQ(unmet_need(test, &trio, "x", {.machine = true, .ethernet = true}),
            "needs a world that is saved and forked; driver 'x' cannot do that");
  EXPECT_FALSE(belongs_on_host(test, expression("not vm")));
}

TEST(Assignment, PutsTheProcessOfATestIntoAContainerOfAnotherDriver) {
  const Definition definition = with_trio();
  nestbox::Test test = in_trio("x", k_from_host);
  test.container = "tiny";
  const DriverFacts machines{"qemu", {.machine = true, .fork = true, .ethernet = true}, ""};
  const DriverFacts containers{"docker", {.boots = Boots::image}, ""};
  const auto assigned = [&](DriverChoice choice) {
    return assign({test}, definition, [&](const nestbox::Test&) { return choice; });
  };

  DriverChoice choice = machines;
  choice.container = &containers;
  const Assignment both = assigned(choice);
  ASSERT_EQ(both.tests[0].skip, std::nullopt);
  const EnvironmentUse& use = both.environments.at(0);
  EXPECT_EQ(use.driver, "qemu");
  EXPECT_EQ(use.container_driver, "docker");
  EXPECT_EQ(use.container->name, "tiny");

  choice.container = nullptr;
  choice.no_container = "docker: no engine";
  EXPECT_EQ(assigned(choice).tests[0].skip, "its process needs a container; docker: no engine");
}

TEST(Assignment, LetsATestDriveMachinesOfAnyDriverWhereTheyReachEachOther) {
  Definition definition = with_trio();
  Topology& trio = definition.topologies.at("trio");
  trio.any_network = true;
  trio.networks.push_back({.name = "lan", .subnets = {}, .impair = {}, .where = {}});
  nestbox::Test test = in_trio("x", "host");
  test.needs.machine = false;
  EXPECT_EQ(unmet_need(test, &trio, "local", {.boots = Boots::host}),
            "needs machines that reach each other; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(test, &trio, "ssh", {.boots = Boots::host, .machine = true}),
            "needs machines that reach each other; driver 'ssh' has none that are thrown away "
            "after");
  const Capabilities containers{.boots = Boots::image, .peers = true};
  EXPECT_EQ(unmet_need(test, &trio, "docker", containers), std::nullopt);
  EXPECT_TRUE(
      use_for(test, definition, DriverFacts{"docker", containers, ""}).topology->networks.empty());
  const Capabilities wired{.machine = true, .ethernet = true};
  EXPECT_EQ(unmet_need(test, &trio, "qemu", wired), std::nullopt);
  EXPECT_EQ(use_for(test, definition, DriverFacts{"qemu", wired, ""}).topology->networks.size(),
            1U);
  EXPECT_EQ(use_for(test, definition, DriverFacts{"qemu", wired, ""}).label(),
            "machines of 'trio'");
  definition.environments.at("tiny").init = Init::systemd;
  EXPECT_EQ(why_not(test, definition, "docker", containers),
            "machine 'a': its environment needs systemd; driver 'docker' has none in its machines");
}

TEST(Assignment, SaysWhichMachinesADriverCanNeverHave) {
  Definition definition;
  definition.environments = builtin_environments();
  Capabilities rented{.boots = Boots::image, .machine = true, .peers = true};
  rented.bounds.machines = 2;
  rented.bounds.sizes = std::vector<MachineSize>{{2, gibibytes(4)}};
  rented.bounds.raised_by = "'types'";
  nestbox::Test test = named("a");
  EXPECT_EQ(why_not(test, definition, "ec2", rented), std::nullopt);
  test.needs.cores = 4;
  EXPECT_EQ(why_not(test, definition, "ec2", rented),
            "driver 'ec2' has no machine with 4 cores and 512 MiB: see 'types'");

  Topology& trio = definition.topologies["trio"];
  trio.any_network = true;
  TopologyMachine machine;
  machine.environment = "debian";
  trio.machines.assign(3, machine);
  test = named("b");
  test.topology = "trio";
  EXPECT_EQ(why_not(test, definition, "ec2", rented),
            "driver 'ec2' may have 2 machines at once, not 3: see 'types'");
}

TEST(Assignment, TakesAContainerWhereOneWillDo) {
  nestbox::Test test = named("a");
  test.needs.container = true;
  EXPECT_EQ(unmet_need(test, nullptr, "local", {.boots = Boots::host}),
            "needs a container or a machine of its own; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(test, nullptr, "docker", {.boots = Boots::image}), std::nullopt);
  EXPECT_FALSE(belongs_on_host(test, expression("not vm")));
}

TEST(Assignment, SharesEqualEnvironments) {
  Definition definition;
  definition.environments = builtin_environments();
  nestbox::Test big = named("c");
  big.needs.memory = gibibytes(8);
  nestbox::Test skipped = named("d");
  skipped.skip = "broken";
  const DriverFacts facts{"qemu", {.machine = true, .fork = true}, "tcg", 4.0};
  const Assignment assignment = assign({named("a"), named("b"), big, skipped}, definition,
                                       [&](const nestbox::Test&) { return DriverChoice(facts); });
  EXPECT_EQ(assignment.environments.size(), 2U);
  EXPECT_EQ(assignment.tests[0].environment, assignment.tests[1].environment);
  EXPECT_NE(assignment.tests[0].environment, assignment.tests[2].environment);
  EXPECT_EQ(assignment.tests[3].skip, "broken");
  EXPECT_EQ(assignment.environments[0].timeout_scale, 4.0);
}

}  // namespace
}  // namespace nestbox
