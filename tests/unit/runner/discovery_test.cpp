#include "runner/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "runner/script_files.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Discovery : public testing::Test {
protected:
  void write(const std::string& path, std::string_view text = "#!/bin/sh\n",
             bool executable = true) {
    fs::path file = m_directory.path() / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    fs::permissions(file, executable ? fs::perms(0755) : fs::perms(0644));
  }

  tl::expected<Suite, DefinitionErrors> find(std::vector<std::string> paths,
                                             const std::string& below = "",
                                             std::vector<std::string> command = {}) {
    return discover({m_directory.path() / below, std::move(paths), std::move(command)});
  }

  std::vector<std::string> names(std::vector<std::string> paths, const std::string& below = "") {
    auto suite = find(std::move(paths), below);
    if (!suite)
      throw suite.error().errors.front();
    std::vector<std::string> result;
    for (const nestbox::Test& test : suite->tests)
      result.push_back(test.name);
    return result;
  }

  std::string mistake(std::vector<std::string> paths, const std::string& below = "") {
    auto suite = find(std::move(paths), below);
    return suite ? "" : suite.error().errors.front().render();
  }

  TemporaryDirectory m_directory;
};

TEST(TestFileName, SaysThatItIsATest) {
  for (const char* name :
       {"test.sh", "test_a.sh", "test-a.sh", "a_test.sh", "a-test.sh", "a.test.sh", "a.t",
        "test.ps1", "test_a.ps1", "a_test.cmd", "a.test.bat"})
    EXPECT_TRUE(is_test_file_name(name, false)) << name;
  for (const char* name : {"contest.sh", "testing.sh", "test_a", "a_test", "test.py", ".t", "test",
                           "a.sh", "latest.sh", "a.ps1", ".ps1", "contest.cmd"})
    EXPECT_FALSE(is_test_file_name(name, false)) << name;
  for (const char* name : {"test_a", "a_test"})
    EXPECT_TRUE(is_test_file_name(name, true)) << name;
  for (const char* name : {"test_a.c", "a_test.py", "test"})
    EXPECT_FALSE(is_test_file_name(name, true)) << name;
}

TEST_F(Discovery, FindsScriptsBelowAFolderInOrder) {
  write("b/test.sh");
  write("a/net_test.sh");
  write("a/helper.sh");
  write("test_prog");
  write("test_data", "data", false);
  write(".hidden/test.sh");
  write(".git/test.sh");
  EXPECT_THAT(names({}), ElementsAre("a/net_test.sh", "b/test.sh", "test_prog"));
  EXPECT_THAT(names({"a"}), ElementsAre("a/net_test.sh"));
  EXPECT_THAT(names({"./b/", "a/helper.sh", "b"}), ElementsAre("a/helper.sh", "b/test.sh"));
}

TEST_F(Discovery, KnowsScriptsForWindowsByTheirNames) {
  write("test_a.ps1", "# nestbox: timeout=9s\nexit 0\n", false);
  write("test_b.cmd", "exit /b 0\n", false);
  write("test_c.ps1", "#!/usr/bin/env pwsh\n");
  const auto suite = find({});
  ASSERT_TRUE(suite);
  ASSERT_EQ(suite->tests.size(), 3U);
  EXPECT_THAT(suite->tests[0].command, ElementsAre("./test_a.ps1"));
  EXPECT_TRUE(suite->tests[0].needs.windows);
  EXPECT_EQ(suite->tests[0].timeout, std::chrono::seconds(9));
  EXPECT_THAT(suite->tests[1].command, ElementsAre("./test_b.cmd"));
  EXPECT_TRUE(suite->tests[1].needs.windows);
  EXPECT_THAT(suite->tests[2].command, ElementsAre("./test_c.ps1"));
  EXPECT_FALSE(suite->tests[2].needs.windows);
}

TEST_F(Discovery, LeavesOutWhatGitIgnores) {
  write(".git/HEAD", "ref: refs/heads/main\n");
  fs::create_directories(m_directory.path() / ".git/objects");
  fs::create_directories(m_directory.path() / ".git/refs");
  write(".gitignore", "build/\nlocal_test.sh\n");
  write("build/test.sh");
  write("local_test.sh");
  write("test.sh");
  EXPECT_THAT(names({}), ElementsAre("test.sh"));
  EXPECT_THAT(names({"local_test.sh"}), ElementsAre("local_test.sh"));
}

TEST_F(Discovery, NamesScriptsFromTheGitTop) {
  write(".git/HEAD", "ref: refs/heads/main\n");
  write("sub/deep/test.sh");
  write("other/test.sh");
  auto suite = find({}, "sub/deep");
  ASSERT_TRUE(suite);
  EXPECT_EQ(suite->root, fs::canonical(m_directory.path()));
  EXPECT_THAT(suite->tests.at(0).command, ElementsAre("./sub/deep/test.sh"));
  EXPECT_THAT(names({"../../other/test.sh"}, "sub/deep"), ElementsAre("other/test.sh"));
}

TEST_F(Discovery, FindsTheDefinitionUpwardsButNotBeyondTheGitTop) {
  write("nestbox.yml", "version: 1\ntests: {outer: x}\n");
  write("repo/.git/HEAD", "ref: refs/heads/main\n");
  write("repo/sub/test.sh");
  EXPECT_THAT(names({}, "repo/sub"), ElementsAre("sub/test.sh"));
  write("repo/nestbox.yml", "version: 1\ntests: {inner: x}\n");
  EXPECT_THAT(names({}, "repo/sub"), ElementsAre("inner"));
  EXPECT_EQ(find({}, "repo/sub")->root, fs::canonical(m_directory.path() / "repo"));
}

TEST_F(Discovery, MixesNamesAndPaths) {
  write("nestbox.yml",
        "version: 1\ntests:\n  b: x\n  a: x\n  scripted: {script: sub/test.sh, timeout: 9s}\n");
  write("sub/test.sh");
  write("sub/z_test.sh");
  EXPECT_THAT(names({}), ElementsAre("b", "a", "scripted"));
  EXPECT_THAT(names({"a", "sub/z_test.sh", "b"}), ElementsAre("b", "a", "sub/z_test.sh"));
  EXPECT_THAT(names({"sub"}), ElementsAre("scripted", "sub/z_test.sh"));
  EXPECT_THAT(names({"sub/test.sh", "scripted"}), ElementsAre("scripted"));
}

TEST_F(Discovery, RunsACommandAsOneTestWithTheDefaults) {
  write("nestbox.yml", "version: 1\ndefaults: {timeout: 9s}\ntests: {a: x}\n");
  auto suite = find({}, "", {"ip", "netns", "add", "a b"});
  ASSERT_TRUE(suite);
  ASSERT_EQ(suite->tests.size(), 1U);
  EXPECT_EQ(suite->tests[0].name, "ip netns add 'a b'");
  EXPECT_THAT(suite->tests[0].command, ElementsAre("ip", "netns", "add", "a b"));
  EXPECT_EQ(suite->tests[0].timeout, std::chrono::seconds(9));
}

TEST_F(Discovery, StartsAScriptThatTheKernelWouldNotByItsInterpreter) {
  write("a_test.sh", "echo\n", false);
  write("b_test.sh", "echo\n", true);
  write("c_test.sh", "#!/usr/bin/env  bash\necho\n", false);
  write("d_test.sh", "#!/bin/sh\n", true);
  auto suite = find({});
  ASSERT_TRUE(suite);
  EXPECT_THAT(suite->tests.at(0).command, ElementsAre("/bin/sh", "./a_test.sh"));
  EXPECT_THAT(suite->tests.at(1).command, ElementsAre("/bin/sh", "./b_test.sh"));
  EXPECT_THAT(suite->tests.at(2).command, ElementsAre("/usr/bin/env", "bash", "./c_test.sh"));
  EXPECT_THAT(suite->tests.at(3).command, ElementsAre("./d_test.sh"));
}

TEST_F(Discovery, CollectsTheMistakesOfAllHeaders) {
  write("a_test.sh", "# nestbox: timout=1s\n");
  write("b_test.sh", "# nestbox: cores=0\n");
  auto suite = find({});
  ASSERT_FALSE(suite);
  ASSERT_EQ(suite.error().errors.size(), 2U);
  EXPECT_THAT(suite.error().errors[0].render(),
              HasSubstr("a_test.sh:1:12: error: unknown key 'timout'"));
}

TEST_F(Discovery, SaysWhereADefinitionIsWrongAsSeenFromHere) {
  write("nestbox.yml", "version: 1\ntest: {}\n");
  fs::create_directories(m_directory.path() / "sub");
  write(".git/HEAD", "");
  EXPECT_THAT(mistake({}, "sub"), HasSubstr("../nestbox.yml:2:1: error: unknown key 'test'"));
}

TEST_F(Discovery, SuggestsNamesThatAreThere) {
  write("nestbox.yml", "version: 1\ntests: {network: x}\n");
  write("sub/bridge.sh");
  EXPECT_EQ(mistake({"netwrok"}),
            "error: no test, file or folder 'netwrok'\nhint: did you mean 'network'?");
  EXPECT_EQ(mistake({"sub/bridg.sh"}),
            "error: no test, file or folder 'sub/bridg.sh'\nhint: did you mean 'sub/bridge.sh'?");
  EXPECT_THAT(mistake({"ip link"}), HasSubstr("hint: to run a command, write it after '--'"));
}

TEST_F(Discovery, RefusesPathsOutsideTheRoot) {
  write("repo/.git/HEAD", "");
  write("secret_test.sh");
  EXPECT_THAT(mistake({"../secret_test.sh"}, "repo"), HasSubstr("lies outside"));
  EXPECT_THAT(mistake({"/bin/sh"}, "repo"), HasSubstr("lies outside"));
  fs::create_symlink("../secret_test.sh", m_directory.path() / "repo/link_test.sh");
  EXPECT_THAT(mistake({"link_test.sh"}, "repo"), HasSubstr("lies outside"));
}

TEST_F(Discovery, FollowsSymlinksToFilesWithinTheRootOnly) {
  write("repo/.git/HEAD", "");
  write("repo/real/run.sh");
  write("outside/test.sh");
  fs::create_symlink("real/run.sh", m_directory.path() / "repo/link_test.sh");
  fs::create_symlink("../outside/test.sh", m_directory.path() / "repo/out_test.sh");
  fs::create_symlink("../outside", m_directory.path() / "repo/folder");
  fs::create_symlink("nowhere", m_directory.path() / "repo/dangling_test.sh");
  EXPECT_THAT(names({"."}, "repo"), ElementsAre("link_test.sh"));
}

TEST_F(Discovery, LeavesSuitesOfTheirOwnToThemselves) {
  write(".git/HEAD", "");
  write("test.sh");
  write("example/nestbox.yml", "version: 1\nenvironments: {lab: }\n");
  write("example/sub/test.sh", "# nestbox: environment=lab\n");
  EXPECT_THAT(names({}), ElementsAre("test.sh"));
  EXPECT_EQ(mistake({"example/sub"}),
            "error: 'example/sub' belongs to another nestbox.yml, in 'example'\n"
            "hint: start nestbox in that folder");
  EXPECT_THAT(mistake({"example/sub/test.sh"}), HasSubstr("belongs to another nestbox.yml"));
  EXPECT_THAT(names({}, "example"), ElementsAre("sub/test.sh"));
  EXPECT_THAT(names({"test.sh"}, "example/sub"), ElementsAre("sub/test.sh"));
}

TEST_F(Discovery, SaysThatAFolderHoldsNoTest) {
  write("sub/readme.md");
  EXPECT_THAT(mistake({"sub"}), HasSubstr("no tests in folder 'sub'"));
  EXPECT_THAT(names({}), ElementsAre());
}

TEST_F(Discovery, TakesStrangeFileNames) {
  write("a\nb_test.sh");
  write("a b_test.sh");
  EXPECT_THAT(names({}), ElementsAre("a\nb_test.sh", "a b_test.sh"));
  EXPECT_THAT(find({"a b_test.sh"})->tests.at(0).command, ElementsAre("./a b_test.sh"));
}

TEST_F(Discovery, RefusesWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((m_directory.path() / "pipe_test.sh").c_str(), 0644), 0);
  EXPECT_THAT(mistake({"pipe_test.sh"}), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(names({}), ElementsAre());
}

}  // namespace
}  // namespace nestbox
