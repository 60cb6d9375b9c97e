#include "runner/cli/init.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "harness/base/filesystem.hpp"
#include "harness/model/definition_loader.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Init : public testing::Test {
protected:
  void write(const std::string& path, std::string_view text) {
    fs::create_directories((m_directory.path() / path).parent_path());
    std::ofstream(m_directory.path() / path) << text;
  }

  int init(bool print = false) {
    return run_init({m_directory.path(), print}, m_output, m_diagnostics);
  }

  Definition load() {
    auto definition = load_definition_file(m_directory.path() / "nestbox.yml");
    if (!definition)
      throw definition.error().errors.front();
    return *definition;
  }

  std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const nestbox::Test& test : load().tests)
      result.push_back(test.name);
    return result;
  }

  TemporaryDirectory m_directory;
  std::ostringstream m_output;
  std::ostringstream m_diagnostics;
};

TEST_F(Init, WritesAnExampleWhereThereIsNothing) {
  EXPECT_EQ(init(), 0);
  EXPECT_EQ(m_output.str(), "wrote nestbox.yml: 1 test; 'nestbox run' runs it\n");
  EXPECT_THAT(names(), testing::ElementsAre("hello"));
}

TEST_F(Init, NeverTouchesADefinition) {
  write("nestbox.yml", "mine");
  EXPECT_EQ(init(), 2);
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("'nestbox.yml' exists already"));
  EXPECT_EQ(read_file(m_directory.path() / "nestbox.yml"), "mine");
  EXPECT_EQ(init(true), 0);
  EXPECT_THAT(m_output.str(), HasSubstr("version: 1"));
}

TEST_F(Init, NeverFollowsADanglingLink) {
  fs::create_symlink("elsewhere", m_directory.path() / "nestbox.yml");
  EXPECT_EQ(init(), 2);
  EXPECT_FALSE(fs::exists(m_directory.path() / "elsewhere"));
}

TEST_F(Init, PrintsWithoutWriting) {
  EXPECT_EQ(init(true), 0);
  EXPECT_TRUE(load_definition(m_output.str(), "x"));
  EXPECT_FALSE(fs::exists(m_directory.path() / "nestbox.yml"));
}

TEST_F(Init, TakesOverWhatScriptHeadersSay) {
  write("tests/a b_test.sh",
        "#!/bin/sh\n"
        "# nestbox: markers=vm,slow timeout=90s environment=tiny isolation=machine network=user\n"
        "# nestbox: memory=1.5GiB cores=2 nested=true privileged=true docker=true skip='it: "
        "\"breaks\"' xfail=yes\n");
  write("tests/true_test.sh", "# nestbox: isolation=fresh\n");
  EXPECT_EQ(init(), 0);
  Definition definition = load();
  ASSERT_EQ(definition.tests.size(), 2U);
  nestbox::Test expected;
  expected.name = expected.script = "tests/a b_test.sh";
  expected.command = {"./tests/a b_test.sh"};
  expected.environment = "tiny";
  expected.markers = {"vm", "slow"};
  expected.timeout = std::chrono::seconds(90);
  expected.needs = {.machine = true,
                    .nested = true,
                    .privileged = true,
                    .docker = true,
                    .network = NetworkAccess::user,
                    .memory = mebibytes(1536),
                    .cores = 2};
  expected.skip = "it: \"breaks\"";
  expected.expected_failure = "yes";
  EXPECT_EQ(definition.tests[0], expected);
  EXPECT_EQ(definition.tests[1].isolation, Isolation::fresh);
}

TEST_F(Init, FindsTheHabitsOfLanguages) {
  write("Makefile", "all:\n\techo\ncheck: all\n\t./run\n");
  write("CMakeLists.txt", "project(x)\nenable_testing()\n");
  write("meson.build", "test('a', a)\n");
  write("pyproject.toml", "[tool.pytest.ini_options]\n");
  write("conftest.py", "");
  write("go.mod", "module x\n");
  write("Cargo.toml", "[package]\n");
  write("package.json", "{\"scripts\": {\"test\": \"jest\"}}\n");
  EXPECT_EQ(init(), 0) << m_diagnostics.str();
  EXPECT_THAT(names(), testing::ElementsAre("make-check", "ctest", "meson-test", "pytest",
                                            "go-test", "cargo-test", "npm-test"));
  Environment build = load().environments.at("build");
  EXPECT_EQ(build.network, NetworkAccess::user);
  EXPECT_THAT(build.packages,
              testing::IsSupersetOf({"cmake", "g++", "golang-go", "python3-pytest"}));
}

TEST_F(Init, LooksIntoFilesForTests) {
  write("Makefile", "all:\n\techo\n");
  write("CMakeLists.txt", "project(x)\n");
  write("package.json", "{}\n");
  EXPECT_EQ(init(), 0);
  EXPECT_THAT(names(), testing::ElementsAre("hello"));
}

TEST_F(Init, LeavesOutScriptsThatADefinitionCannotName) {
  write("good_test.sh", "");
  write("new\nline_test.sh", "");
  write("bad_test.sh", "# nestbox: timout=1\n");
  EXPECT_EQ(init(), 0);
  EXPECT_THAT(names(), testing::ElementsAre("good_test.sh"));
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("2 test scripts were left out"));
}

}  // namespace
}  // namespace nestbox
