#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/model/definition_loader.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

nestbox::Test load(std::string_view text, const Definition& definition = {}) {
  auto test = load_script_header(text, "tests/a.sh", definition);
  if (!test)
    throw std::runtime_error(test.error().errors.front().render());
  return *test;
}

std::string mistake(std::string_view text) {
  auto test = load_script_header(text, "tests/a.sh", {});
  std::string rendered;
  if (!test)
    for (const Error& error : test.error().errors)
      rendered += error.render() + "\n";
  return rendered;
}

TEST(ScriptHeader, IsNotNeeded) {
  nestbox::Test test = load("#!/bin/sh\ntrue\n");
  EXPECT_EQ(test.name, "tests/a.sh");
  EXPECT_EQ(test.script, "tests/a.sh");
  EXPECT_THAT(test.command, ElementsAre("./tests/a.sh"));
  EXPECT_EQ(test.environment, "debian");
}

TEST(ScriptHeader, GivesEveryNeed) {
  nestbox::Test test =
      load("#!/bin/sh\n"
           "# Some words about the test.\n"
           "# nestbox: markers=vm,slow timeout=2m environment=tiny isolation=machine network=user\n"
           "  ## nestbox: memory=1GiB cores=2 nested=true privileged=true docker=true skip='no "
           "hardware yet'\txfail=\"a b\"\r\n");
  EXPECT_THAT(test.markers, ElementsAre("vm", "slow"));
  EXPECT_EQ(test.timeout, 2min);
  EXPECT_EQ(test.environment, "tiny");
  EXPECT_EQ(test.needs, (Needs{.machine = true,
                               .nested = true,
                               .privileged = true,
                               .docker = true,
                               .network = NetworkAccess::user,
                               .memory = gibibytes(1),
                               .cores = 2}));
  EXPECT_EQ(test.skip, "no hardware yet");
  EXPECT_EQ(test.expected_failure, "a b");
  EXPECT_EQ(load("# nestbox: isolation=fresh").isolation, Isolation::fresh);
}

TEST(ScriptHeader, StartsFromTheDefaultsOfTheDefinition) {
  auto definition = load_definition(
      "version: 1\nenvironments: {lab: }\ndefaults: {environment: lab, timeout: 9s, markers: [a]}",
      "x");
  ASSERT_TRUE(definition);
  nestbox::Test test = load("# nestbox: markers=b\n", *definition);
  EXPECT_EQ(test.environment, "lab");
  EXPECT_EQ(test.timeout, 9s);
  EXPECT_THAT(test.markers, ElementsAre("a", "b"));
}

TEST(ScriptHeader, LooksAtCommentsInTheFirstThirtyLinesOnly) {
  EXPECT_EQ(load("echo nestbox: bad=1\n").timeout, 5min);
  EXPECT_EQ(load("// nestbox: bad=1\n").timeout, 5min);
  EXPECT_EQ(load("# see nestbox: bad=1\n").timeout, 5min);
  EXPECT_EQ(load(std::string(29, '\n') + "# nestbox: timeout=1s\n").timeout, 1s);
  EXPECT_EQ(load(std::string(30, '\n') + "# nestbox: timeout=1s\n").timeout, 5min);
}

TEST(ScriptHeader, PointsAtMistakes) {
  EXPECT_EQ(mistake("#!/bin/sh\n# nestbox: markers=vm timout=2m\n"),
            "tests/a.sh:2:23: error: unknown key 'timout'\n"
            "    # nestbox: markers=vm timout=2m\n"
            "                          ^\n"
            "hint: did you mean 'timeout'?\n");
  EXPECT_EQ(mistake("# nestbox: markers=vm,and,slow\n"),
            "tests/a.sh:1:23: error: 'and' cannot be a marker\n"
            "    # nestbox: markers=vm,and,slow\n"
            "                          ^\n"
            "hint: use one word that is none of and, or, not, True, False\n");
}

TEST(ScriptHeader, ReportsEveryMistake) {
  std::string text = mistake("# nestbox: timeout=2 environment=debain vm cores=x\n"
                             "# nestbox: timeout=3s skip='unclosed\n");
  EXPECT_THAT(text, HasSubstr("'timeout' has no unit"));
  EXPECT_THAT(text, HasSubstr("did you mean 'debian'?"));
  EXPECT_THAT(text, HasSubstr("'vm' has no value"));
  EXPECT_THAT(text, HasSubstr("'cores' must be a whole number"));
  EXPECT_THAT(text, HasSubstr("duplicate key 'timeout'"));
  EXPECT_THAT(text, HasSubstr("this quote is never closed"));
}

TEST(ScriptHeader, TakesAnyBytesAround) {
  std::string text("\xff\xfe\0binary\n# nestbox: cores=2\n", 29);
  EXPECT_EQ(load(text).needs.cores, 2);
}

}  // namespace
}  // namespace nestbox
