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
  const Capabilities host{false, false, true, false, true};
  const Capabilities machine{true, true, false, false, true};
  EXPECT_EQ(unmet_need(named("a"), "local", host), std::nullopt);
  EXPECT_EQ(unmet_need(named("a", {"vm"}), "local", host),
            "needs a machine of its own; driver 'local' runs on this host");
  EXPECT_EQ(unmet_need(named("a", {"vm"}), "qemu", machine), std::nullopt);
  EXPECT_EQ(unmet_need(named("a", {"nested"}), "qemu", machine),
            "needs a hypervisor inside; driver 'qemu' cannot give it one");
  nestbox::Test test = named("a");
  test.needs.network = NetworkAccess::user;
  EXPECT_EQ(unmet_need(test, "qemu", machine), "needs a network; driver 'qemu' cannot give it one");
}

TEST(Assignment, RaisesTheEnvironmentToTheNeeds) {
  nestbox::Test test = named("a");
  test.needs.memory = gibibytes(1);
  test.needs.cores = 2;
  Environment environment;
  environment.memory = mebibytes(512);
  EXPECT_EQ(environment_for(test, environment).memory, gibibytes(1));
  EXPECT_EQ(environment_for(test, environment).cores, 2);
  environment.memory = gibibytes(2);
  EXPECT_EQ(environment_for(test, environment).memory, gibibytes(2));
}

TEST(Assignment, SharesEqualEnvironments) {
  Definition definition;
  definition.environments = builtin_environments();
  nestbox::Test big = named("c");
  big.needs.memory = gibibytes(8);
  nestbox::Test skipped = named("d");
  skipped.skip = "broken";
  const DriverFacts facts{"qemu", {true, true, true, true, true}, "tcg", 4.0};
  const Assignment assignment =
      assign({named("a"), named("b"), big, skipped}, definition,
             [&](const nestbox::Test&) -> const DriverFacts& { return facts; });
  EXPECT_EQ(assignment.environments.size(), 2U);
  EXPECT_EQ(assignment.tests[0].environment, assignment.tests[1].environment);
  EXPECT_NE(assignment.tests[0].environment, assignment.tests[2].environment);
  EXPECT_EQ(assignment.tests[3].skip, "broken");
  EXPECT_EQ(assignment.environments[0].timeout_scale, 4.0);
}

}  // namespace
}  // namespace nestbox
