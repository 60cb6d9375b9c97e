#include "harness/base/filesystem.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

class Filesystem : public testing::Test {
protected:
  fs::path path(const std::string& name) const { return m_directory.path() / name; }
  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path) << content;
  }

  TemporaryDirectory m_directory{"nestbox-filesystem-test"};
};

TEST_F(Filesystem, ReadsWholeFilesUpToALimit) {
  write(path("f"), std::string(10'000, 'x'));
  EXPECT_EQ(read_file(path("f")), std::string(10'000, 'x'));
  EXPECT_EQ(read_file(path("f"), Bytes{10'000}).size(), 10'000U);
  EXPECT_THROW(read_file(path("f"), Bytes{9'999}), Error);
  EXPECT_FALSE(read_file("/proc/self/status").empty());
}

TEST_F(Filesystem, SaysWhatItCannotRead) {
  try {
    read_file(path("absent"));
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::io);
    EXPECT_EQ(error.message,
              "cannot open '" + path("absent").string() + "': no such file or directory");
  }
}

TEST_F(Filesystem, ReplacesFilesAtOnce) {
  write_file_atomically(path("f"), "one");
  write_file_atomically(path("f"), "two");
  EXPECT_EQ(read_file(path("f")), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(path("")), fs::directory_iterator()), 1);
}

TEST_F(Filesystem, LeavesNothingBesideAFileItCouldNotReplace) {
  fs::create_directory(path("d"));
  write(path("d") / "held", "x");
  EXPECT_THROW(write_file_atomically(path("d"), "two"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(path("")), fs::directory_iterator()), 1);
}

TEST_F(Filesystem, PublishesADirectoryOnce) {
  fs::create_directories(path("staging/deep"));
  write(path("staging/deep/f"), "first");
  fs::create_symlink("/nonexistent", path("staging/link"));
  EXPECT_TRUE(publish_directory(path("staging"), path("published")));
  EXPECT_EQ(read_file(path("published/deep/f")), "first");
  EXPECT_FALSE(fs::exists(path("staging")));
}

TEST_F(Filesystem, LeavesStagingWhenSomebodyElsePublishedFirst) {
  fs::create_directory(path("published"));
  fs::create_directory(path("staging"));
  write(path("staging/f"), "second");
  EXPECT_FALSE(publish_directory(path("staging"), path("published")));
  EXPECT_EQ(read_file(path("staging/f")), "second");
  EXPECT_TRUE(fs::is_empty(path("published")));
}

TEST_F(Filesystem, RemovesTreesWhateverTheirPermissions) {
  fs::create_directories(path("tree/closed/inner"));
  write(path("tree/closed/inner/f"), "x");
  ASSERT_EQ(::chmod(path("tree/closed/inner").c_str(), 0), 0);
  ASSERT_EQ(::chmod(path("tree/closed").c_str(), 0), 0);
  ASSERT_EQ(::chmod(path("tree").c_str(), 0500), 0);
  remove_tree(path("tree"));
  EXPECT_FALSE(fs::exists(path("tree")));
}

TEST_F(Filesystem, RemovesASymlinkAndNotWhatItPointsTo) {
  fs::create_directory(path("outside"));
  write(path("outside/f"), "x");
  fs::create_directory(path("tree"));
  fs::create_directory_symlink(path("outside"), path("tree/link"));
  fs::create_directory_symlink(path("outside"), path("link"));
  remove_tree(path("tree"));
  remove_tree(path("link"));
  EXPECT_FALSE(fs::exists(path("tree")));
  EXPECT_FALSE(fs::exists(fs::symlink_status(path("link"))));
  EXPECT_EQ(read_file(path("outside/f")), "x");
}

TEST_F(Filesystem, RemovesTreesDeeperThanAnyPath) {
  fs::create_directory(path("tree"));
  const std::string name(200, 'd');
  FileDescriptor level(::open(path("tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(::mkdirat(level.get(), name.c_str(), 0700), 0);
    level = FileDescriptor(::openat(level.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(level);
  }
  remove_tree(path("tree"));
  EXPECT_FALSE(fs::exists(path("tree")));
}

TEST_F(Filesystem, RemovesAFileAndPassesOverWhatIsAbsent) {
  write(path("f"), "x");
  remove_tree(path("f"));
  remove_tree(path("f"));
  remove_tree("");
  EXPECT_FALSE(fs::exists(path("f")));
}

TEST(PathBeneath, TakesWhatStaysInside) {
  EXPECT_EQ(path_beneath("/r", "a/b"), "/r/a/b");
  EXPECT_EQ(path_beneath("/r", "a/../b"), "/r/b");
  EXPECT_EQ(path_beneath("/r", "..a/b.."), "/r/..a/b..");
}

TEST(PathBeneath, RefusesWhatLeaves) {
  for (const std::string_view relative :
       {std::string_view(""), std::string_view("/a"), std::string_view(".."),
        std::string_view("../a"), std::string_view("a/../../b"), std::string_view("a\0b", 3)})
    EXPECT_EQ(path_beneath("/r", relative), std::nullopt) << relative;
}

TEST(TemporaryDirectory, IsOursAloneAndGoesWithItsObject) {
  fs::path path;
  {
    TemporaryDirectory directory("nestbox-test");
    path = directory.path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    std::ofstream(path / "f") << "x";
    const TemporaryDirectory moved = std::move(directory);
    EXPECT_EQ(moved.path(), path);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Filesystem, KnowsTemporaryDirectoriesOfProcessesThatAreGone) {
  const fs::path parent = path("tmp");
  fs::create_directory(parent);
  const std::string former = fs::temp_directory_path();
  ::setenv("TMPDIR", parent.c_str(), 1);
  {
    const TemporaryDirectory used("nestbox-one");
    const auto make = [&](const char* name, fs::perms mode) {
      fs::create_directory(parent / name);
      fs::permissions(parent / name, mode);
    };
    make("nestbox-ssh-abcdef", fs::perms::owner_all);
    make("nestbox-others", fs::perms::all);
    make("somebody", fs::perms::owner_all);
    make(".nestbox-new-abcdef", fs::perms::owner_all);  // may be locked yet
    fs::create_directory_symlink(parent / "somebody", parent / "nestbox-link");
    EXPECT_THAT(TemporaryDirectory::abandoned(),
                testing::ElementsAre(parent / "nestbox-ssh-abcdef"));
    EXPECT_TRUE(fs::exists(used.path()));
  }
  ::setenv("TMPDIR", former.c_str(), 1);
}

TEST_F(Filesystem, LocksExcludeEachOtherUnlessShared) {
  const fs::path lock = path("lock");
  {
    const FileLock shared = FileLock::acquire(lock, FileLock::Mode::shared);
    EXPECT_TRUE(FileLock::try_acquire(lock, FileLock::Mode::shared));
    EXPECT_FALSE(FileLock::try_acquire(lock, FileLock::Mode::exclusive));
  }
  const FileLock exclusive = FileLock::acquire(lock, FileLock::Mode::exclusive);
  EXPECT_FALSE(FileLock::try_acquire(lock, FileLock::Mode::shared));
}

TEST_F(Filesystem, LocksAFileThatOthersCanFindWhenTheOldOneWasRemoved) {
  const fs::path lock = path("lock");
  auto first = std::make_optional(FileLock::acquire(lock, FileLock::Mode::exclusive));
  auto second = std::async(std::launch::async,
                           [&] { return FileLock::acquire(lock, FileLock::Mode::exclusive); });
  fs::remove(lock);
  first.reset();
  const FileLock held = second.get();
  EXPECT_FALSE(FileLock::try_acquire(lock, FileLock::Mode::exclusive));
}

TEST_F(Filesystem, FollowsTheXdgVariables) {
  ::setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
  ::setenv("XDG_STATE_HOME", "relative, hence ignored", 1);
  ::setenv("HOME", path("home").c_str(), 1);
  EXPECT_EQ(cache_directory(), path("cache/nestbox"));
  EXPECT_EQ(state_directory(), path("home/.local/state/nestbox"));
  EXPECT_TRUE(fs::is_directory(path("cache/nestbox")));
}

}  // namespace
}  // namespace nestbox
