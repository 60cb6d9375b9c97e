#include "runner/run_directory.hpp"

#include <gtest/gtest.h>

#include "runner/kept_files.hpp"

namespace nestbox {
namespace {

TEST(RunDirectory, LinksTheLatestAndHoldsItsLock) {
  TemporaryDirectory root;
  {
    RunDirectory run = RunDirectory::create(root.path());
    EXPECT_EQ(fs::canonical(root.path() / "latest"), fs::canonical(run.path()));
    EXPECT_TRUE(is_running(run.path()));
  }
  EXPECT_FALSE(is_running(list_runs(root.path()).front()));
}

TEST(RunDirectory, KeepsFiftyRunsAndThoseThatLive) {
  TemporaryDirectory root;
  RunDirectory oldest = RunDirectory::create(root.path());
  fs::create_directories(root.path() / "20000101T000000.000000Z-000000");
  for (int count = 0; count < 52; ++count) {
    const RunDirectory run = RunDirectory::create(root.path());
    EXPECT_EQ(list_runs(root.path()).front(), run.path());
  }
  EXPECT_EQ(list_runs(root.path()).size(), 51U);
  EXPECT_TRUE(fs::exists(oldest.path()));
  EXPECT_FALSE(fs::exists(root.path() / "20000101T000000.000000Z-000000"));
}

TEST(RunDirectory, RefusesAFolderWithContent) {
  TemporaryDirectory root;
  write_whole(root.path() / "precious", "x");
  EXPECT_THROW(RunDirectory::create(root.path(), root.path()), Error);
  EXPECT_NO_THROW(RunDirectory::create(root.path(), root.path() / "new"));
}

TEST(RunDirectory, GivesEachExecutionAFolderOfItsOwn) {
  TemporaryDirectory root;
  RunDirectory run = RunDirectory::create(root.path());
  const fs::path first = run.test_directory("tests/a.sh");
  const fs::path second = run.test_directory("tests_a.sh");
  const fs::path third = run.test_directory("tests/a.sh");
  EXPECT_NE(first, second);
  EXPECT_NE(first, third);
  for (const fs::path& folder : {first, second, third})
    EXPECT_EQ(fs::canonical(folder).parent_path(), fs::canonical(run.path() / "tests"));
}

TEST(SafeName, LeavesHarmlessNamesAndTamesOthers) {
  EXPECT_EQ(safe_name("test_a-1.sh"), "test_a-1.sh");
  for (const char* hostile :
       {"../../etc/passwd", "..", ".", "", "a/b", "new\nline", "\xff\xfe", "-rf"}) {
    const std::string name = safe_name(hostile);
    EXPECT_EQ(name.find_first_of("/\n"), std::string::npos) << name;
    EXPECT_FALSE(name.empty() || name[0] == '.') << name;
  }
  EXPECT_NE(safe_name("a/b"), safe_name("a b"));
  EXPECT_LE(safe_name(std::string(5000, 'x')).size(), 110U);
}

TEST(KeptFiles, MergesByRename) {
  TemporaryDirectory root;
  fs::create_directories(root.path() / "from/a");
  write_whole(root.path() / "from/a/new", "1");
  write_whole(root.path() / "from/both", "newer");
  fs::create_directories(root.path() / "into");
  write_whole(root.path() / "into/both", "older");
  write_whole(root.path() / "into/old", "2");
  merge_tree(root.path() / "from", root.path() / "into");
  EXPECT_EQ(read_file(root.path() / "into/a/new"), "1");
  EXPECT_EQ(read_file(root.path() / "into/both"), "newer");
  EXPECT_EQ(files_below(root.path() / "into").size(), 3U);
  EXPECT_TRUE(files_below(root.path() / "absent").empty());
}

}  // namespace
}  // namespace nestbox
