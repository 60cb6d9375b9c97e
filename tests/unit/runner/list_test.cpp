#include "runner/cli/list.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace nestbox {
namespace {

Selection selection() {
  Selection result;
  result.tests.resize(2);
  result.tests[0].name = "tests/bridge.sh";
  result.tests[0].script = "tests/bridge.sh";
  result.tests[0].command = {"./tests/bridge.sh"};
  result.tests[0].markers = {"mine"};
  result.tests[0].needs.machine = true;
  result.tests[0].where = SourceLocation{"tests/bridge.sh", 1, 1, {}};
  result.tests[1].name = "odd\x1b\xff";
  result.tests[1].environment = "tiny";
  result.tests[1].command = {"/bin/sh", "-c", "true"};
  result.tests[1].skip = "no hardware";
  result.tests[1].repeat = 3;
  result.deselected = 7;
  return result;
}

TEST(List, WritesALineATest) {
  std::ostringstream output;
  list_tests(selection(), {}, output);
  EXPECT_EQ(output.str(), "tests/bridge.sh  debian  mine,vm\n"
                          "odd\\x1b\\xff      tiny    skip: no hardware\n"
                          "2 tests, 7 deselected\n");
}

TEST(List, SaysThatThereIsNothing) {
  std::ostringstream output;
  list_tests({}, {}, output);
  EXPECT_EQ(output.str(), "0 tests\n");
}

TEST(List, WritesJsonWhateverTheNames) {
  std::ostringstream output;
  list_tests_json(selection(), {}, output);
  EXPECT_EQ(nlohmann::json::parse(output.str()), nlohmann::json::parse(R"({
    "version": 1,
    "tests": [
      {"name": "tests/bridge.sh", "environment": "debian", "markers": ["mine", "vm"],
       "command": ["./tests/bridge.sh"], "script": "tests/bridge.sh", "timeout": "5m", "isolation": "fork",
       "where": {"file": "tests/bridge.sh", "line": 1}},
      {"name": "odd\u001b\ufffd", "environment": "tiny", "markers": [], "command": ["/bin/sh", "-c", "true"],
       "timeout": "5m", "isolation": "fork", "repeat": 3, "skip": "no hardware"}
    ],
    "deselected": 7})"));
}

TEST(List, ShowsTheMachinesThatAreATestsOwn) {
  Definition definition;
  for (const char* name : {"install", "trio"}) {
    Topology& world = definition.topologies[name];
    world.name = name;
    world.any_network = world.name == "install";
    for (const char* machine : {"core0", "core1"})
      world.machines.emplace_back().name = machine;
  }
  Selection chosen;
  chosen.tests.resize(2);
  chosen.tests[0].name = "install";
  chosen.tests[0].topology = "install";
  chosen.tests[0].from = "host";
  chosen.tests[1].name = "reach";
  chosen.tests[1].topology = "trio";
  std::ostringstream output;
  list_tests(chosen, definition, output);
  EXPECT_EQ(output.str(), "install  machines core0, core1\n"
                          "reach    topology trio\n"
                          "2 tests\n");
  std::ostringstream json;
  list_tests_json(chosen, definition, json);
  const auto tests = nlohmann::json::parse(json.str()).at("tests");
  EXPECT_EQ(tests[0].at("machines"), nlohmann::json({"core0", "core1"}));
  EXPECT_FALSE(tests[0].contains("topology"));
  EXPECT_EQ(tests[0].at("from"), "host");
  EXPECT_EQ(tests[1].at("topology"), "trio");
  EXPECT_FALSE(tests[1].contains("machines"));
}

}  // namespace
}  // namespace nestbox
