#include "harness/model/definition_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/model/windows_words.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Definition load(std::string_view yaml) {
  auto definition = load_definition(yaml, "nestbox.yml");
  if (!definition)
    throw std::runtime_error(definition.error().errors.front().render());
  return *definition;
}

std::vector<std::string> mistakes(std::string_view yaml) {
  std::vector<std::string> messages;
  auto definition = load_definition(yaml, "nestbox.yml");
  if (!definition)
    for (const Error& error : definition.error().errors)
      messages.push_back(error.message);
  return messages;
}

TEST(DefinitionLoader, AppliesTheDefaultsOfTheLanguage) {
  Definition definition = load("version: 1\ntests:\n  hello: echo hello\n");
  ASSERT_EQ(definition.tests.size(), 1U);
  nestbox::Test expected;
  expected.name = "hello";
  expected.command = {"/bin/sh", "-c", "echo hello"};
  EXPECT_EQ(definition.tests[0], expected);
  EXPECT_EQ(definition.environments, builtin_environments());
  EXPECT_EQ(definition.tests[0].where, (SourceLocation{"nestbox.yml", 3, 3, ""}));
}

TEST(DefinitionLoader, ReadsEveryFieldOfATest) {
  Definition definition = load(R"(
version: 1
tests:
  everything:
    run: [./prog, "--flag", "", "5"]
    environment: tiny
    markers: [vm, net:ipv6]
    timeout: 1h30m
    isolation: fresh
    needs: {isolation: machine, nested: true, network: user, memory: 2GiB, cores: 4,
            privileged: true, docker: true}
    env: {A: b, PORT: 8080, ON: true, EMPTY: ""}
    repeat: 3
    retries: 2
    skip: no hardware
    xfail: known bug
)");
  nestbox::Test expected;
  expected.name = "everything";
  expected.command = {"./prog", "--flag", "", "5"};
  expected.environment = "tiny";
  expected.markers = {"vm", "net:ipv6"};
  expected.timeout = 90min;
  expected.isolation = Isolation::fresh;
  expected.needs = {.machine = true,
                    .nested = true,
                    .privileged = true,
                    .docker = true,
                    .network = NetworkAccess::user,
                    .memory = gibibytes(2),
                    .cores = 4};
  expected.variables = {{"A", "b"}, {"PORT", "8080"}, {"ON", "true"}, {"EMPTY", ""}};
  expected.repeat = 3;
  expected.retries = 2;
  expected.skip = "no hardware";
  expected.expected_failure = "known bug";
  EXPECT_EQ(definition.tests.at(0), expected);
}

TEST(DefinitionLoader, ReadsEveryFieldOfAnEnvironment) {
  Definition definition = load(R"(
version: 1
environments:
  lab:
    image: debian:trixie
    init: systemd
    memory: 1.5GiB
    cores: 2
    network: user
    packages: [nftables, g++]
    steps:
      - run: |
          echo one
          echo two
      - copy: {from: files/etc, to: /etc}
    env: {LANG: C.UTF-8}
)");
  Environment expected;
  expected.name = "lab";
  expected.image = "debian:trixie";
  expected.init = Init::systemd;
  expected.memory = mebibytes(1536);
  expected.cores = 2;
  expected.network = NetworkAccess::user;
  expected.packages = {"nftables", "g++"};
  expected.steps = {RunStep{"echo one\necho two\n"}, CopyStep{"files/etc", "/etc"}};
  expected.variables = {{"LANG", "C.UTF-8"}};
  EXPECT_EQ(definition.environments.at("lab"), expected);
}

TEST(DefinitionLoader, BuildsEnvironmentsOnEachOtherInAnyOrder) {
  Definition definition = load(R"(
version: 1
environments:
  leaf: {from: middle, packages: [curl, nftables], steps: [{run: third}], env: {B: new}}
  middle: {from: root, cores: 4, steps: [{run: second}]}
  root: {memory: 1GiB, packages: [nftables], steps: [{run: first}], env: {A: a, B: old}}
)");
  Environment leaf = definition.environments.at("leaf");
  EXPECT_EQ(leaf.memory, gibibytes(1));
  EXPECT_EQ(leaf.cores, 4);
  EXPECT_THAT(leaf.packages, ElementsAre("nftables", "curl"));
  EXPECT_THAT(leaf.steps, ElementsAre(RunStep{"first"}, RunStep{"second"}, RunStep{"third"}));
  EXPECT_EQ(leaf.variables, (std::map<std::string, std::string>{{"A", "a"}, {"B", "new"}}));
}

TEST(DefinitionLoader, GivesAnEnvironmentTheMemoryThatItsKindUsuallyHas) {
  Definition definition = load(R"(
version: 1
environments: {a: {image: tiny}, b: {init: systemd}, c: , d: {from: tiny}}
)");
  EXPECT_EQ(definition.environments.at("a").memory, mebibytes(256));
  EXPECT_EQ(definition.environments.at("b").memory, gibibytes(1));
  EXPECT_EQ(definition.environments.at("c").memory, mebibytes(512));
  EXPECT_EQ(definition.environments.at("d").memory, mebibytes(256));
}

TEST(DefinitionLoader, GivesADiskTheSystemThatItHas) {
  const Definition definition = load(R"(
version: 1
environments:
  own: {image: "disk:images/own.qcow2"}
  larger: {from: own, memory: 2GiB}
)");
  const Environment& own = definition.environments.at("own");
  EXPECT_EQ(own.image, "disk:images/own.qcow2");
  EXPECT_EQ(own.init, Init::systemd);
  EXPECT_EQ(own.memory, gibibytes(1));
  EXPECT_EQ(definition.environments.at("larger").init, Init::systemd);
}

TEST(DefinitionLoader, AddsDefaultsToEveryTest) {
  Definition definition = load(R"(
version: 1
defaults: {environment: tiny, timeout: 10s, isolation: fresh, markers: [all], env: {A: a, B: b}, repeat: 2, retries: 1}
tests:
  as-is: x
  own: {run: x, environment: debian, timeout: 20s, isolation: fork, markers: [vm, all], env: {B: c}, repeat: 1, retries: 0}
)");
  const nestbox::Test& as_is = definition.tests.at(0);
  EXPECT_EQ(as_is.environment, "tiny");
  EXPECT_EQ(as_is.timeout, 10s);
  EXPECT_EQ(as_is.isolation, Isolation::fresh);
  EXPECT_EQ(as_is.repeat, 2);
  EXPECT_EQ(as_is.retries, 1);
  const nestbox::Test& own = definition.tests.at(1);
  EXPECT_EQ(own.environment, "debian");
  EXPECT_EQ(own.timeout, 20s);
  EXPECT_EQ(own.isolation, Isolation::fork);
  EXPECT_THAT(own.markers, ElementsAre("all", "vm"));
  EXPECT_EQ(own.variables, (std::map<std::string, std::string>{{"A", "a"}, {"B", "c"}}));
  EXPECT_EQ(own.repeat, 1);
  EXPECT_EQ(definition.defaults.environment, "tiny");
}

TEST(DefinitionLoader, RunsAScriptByItsPath) {
  Definition definition = load("version: 1\ntests: {a: {script: ./tests//a.sh}}");
  EXPECT_THAT(definition.tests.at(0).command, ElementsAre("./tests/a.sh"));
  EXPECT_EQ(definition.tests.at(0).script, "tests/a.sh");
}

TEST(DefinitionLoader, LooksWhetherNamedFilesExist) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "here.sh") << "#!/bin/sh\n";
  std::ofstream(directory.path() / "nestbox.yml") << R"(
version: 1
environments:
  lab: {steps: [{copy: {from: here.sh, to: /a}}, {copy: {from: gone, to: /a}}]}
tests:
  good: {script: here.sh}
  bad: {script: gone.sh}
)";
  auto definition = load_definition_file(directory.path() / "nestbox.yml", "nestbox.yml");
  ASSERT_FALSE(definition);
  ASSERT_EQ(definition.error().errors.size(), 2U);
  EXPECT_THAT(definition.error().errors[0].render(),
              HasSubstr("nestbox.yml:4:64: error: no file or folder 'gone'"));
  EXPECT_THAT(definition.error().errors[1].render(),
              HasSubstr("nestbox.yml:7:17: error: no file 'gone.sh'"));
}

TEST(DefinitionLoader, SaysWhenThereIsNoFile) {
  auto definition = load_definition_file("/nonexistent/nestbox.yml");
  ASSERT_FALSE(definition);
  EXPECT_EQ(definition.error().errors.at(0).code, ErrorCode::not_found);
}

TEST(DefinitionLoader, BoundsTheText) {
  std::string longer(17 << 20, ' ');
  EXPECT_THAT(mistakes(longer), ElementsAre("longer than 16 MiB"));
}

TEST(DefinitionLoader, BoundsWhatEnvironmentsInherit) {
  std::string yaml = "version: 1\nenvironments:\n  root:\n    steps:\n";
  std::string script(60'000, 'x');
  for (int i = 0; i < 100; ++i)
    yaml += "    - run: " + script + "\n";
  for (int i = 0; i < 100; ++i)
    yaml += "  e" + std::to_string(i) + ": {from: root}\n";
  EXPECT_THAT(mistakes(yaml), ElementsAre(HasSubstr("inherits too much")));
}

TEST(DefinitionLoader, BoundsWhatTestsInherit) {
  std::string yaml =
      "version: 1\ndefaults:\n  env:\n    A: " + std::string(1 << 20, 'x') + "\ntests:\n";
  for (int i = 0; i < 1000; ++i)
    yaml += "  t" + std::to_string(i) + ": x\n";
  EXPECT_THAT(mistakes(yaml), ElementsAre(HasSubstr("inherits too much")));
}

TEST(DefinitionLoader, KeepsAHundredMistakesAndCountsTheRest) {
  std::string yaml = "version: 1\ntests:\n";
  for (int i = 0; i < 5000; ++i)
    yaml += "  t" + std::to_string(i) + ": {rum: x}\n";
  std::vector<std::string> messages = mistakes(yaml);
  ASSERT_EQ(messages.size(), 101U);
  EXPECT_EQ(messages.front(), "unknown key 'rum' in 't0'");
  EXPECT_THAT(messages.back(), HasSubstr("more mistakes"));
}

TEST(DefinitionLoader, PlacesMistakesInOneVeryLongLineWithoutTheLine) {
  std::string yaml = "{version: 1, tests: {";
  for (int i = 0; i < 2000; ++i)
    yaml += "t" + std::to_string(i) + ": x, ";
  yaml += "last: {rum: x}}}";
  auto definition = load_definition(yaml, "nestbox.yml");
  ASSERT_FALSE(definition);
  const SourceLocation& where = *definition.error().errors.at(0).where;
  EXPECT_EQ(where.line, 1);
  EXPECT_EQ(static_cast<std::size_t>(where.column), yaml.find("rum") + 1);
  EXPECT_EQ(where.source_line, "");
}

Definition first_example(const std::string& page) {
  std::string text = read_file(fs::path(NESTBOX_SOURCE_DIR) / "docs" / page);
  const std::string fence = "```yaml\n";
  std::size_t begin = text.find(fence) + fence.size();
  return load(std::string_view(text).substr(begin, text.find("```", begin) - begin));
}

TEST(DefinitionLoader, GivesTextsToPowershellOnWindows) {
  const Definition definition = load("version: 1\ntests:\n"
                                     "  text: {run: 'Get-Date', needs: {windows: true}}\n"
                                     "  words: {run: [hostname], needs: {windows: true}}\n"
                                     "  script: {script: tests/a.ps1}\n"
                                     "  linux: {run: date}\n");
  EXPECT_EQ(definition.tests.at(0).command, powershell_argv("Get-Date"));
  EXPECT_EQ(definition.tests.at(1).command, (std::vector<std::string>{"hostname"}));
  EXPECT_EQ(definition.tests.at(2).command, (std::vector<std::string>{"./tests/a.ps1"}));
  EXPECT_TRUE(definition.tests.at(2).needs.windows);
  EXPECT_FALSE(definition.tests.at(3).needs.windows);
  EXPECT_EQ(definition.tests.at(3).command, (std::vector<std::string>{"/bin/sh", "-c", "date"}));
}

TEST(DefinitionLoader, TakesTheExamplesOfItsDocumentation) {
  EXPECT_EQ(first_example("reference/nestbox-yml.md").tests.size(), 2U);
  Definition worlds = first_example("how-to/test-several-machines.md");
  EXPECT_EQ(worlds.tests.size(), 3U);
  EXPECT_EQ(worlds.tests.at(2).steps.size(), 8U);
}

TEST(Definition, RaisesAnEnvironmentToWhatATestNeeds) {
  Environment environment = builtin_environments().at("debian");
  EXPECT_EQ(raised(environment, {}), environment);
  Environment more = raised(environment, {.machine = true,
                                          .privileged = true,
                                          .docker = true,
                                          .windows = true,
                                          .network = NetworkAccess::user,
                                          .memory = gibibytes(1),
                                          .cores = 2});
  EXPECT_EQ(more.memory, gibibytes(1));
  EXPECT_EQ(more.cores, 2);
  EXPECT_EQ(more.network, NetworkAccess::user);
  EXPECT_TRUE(more.privileged);
  EXPECT_TRUE(more.docker);
  EXPECT_TRUE(more.windows);
  EXPECT_EQ(raised(more, {.machine = true, .memory = mebibytes(64), .cores = 1}), more);
}

}  // namespace
}  // namespace nestbox
