#include "harness/env/layer_cache.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "harness/base/pipe.hpp"
#include "tests/support/log_recorder.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

void write(const fs::path& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file)
    throw Error(ErrorCode::io, "cannot write");
}

class LayerCacheTest : public testing::Test {
protected:
  fs::path root() const { return m_folder.path() / "cache"; }
  fs::path entry(const std::string& key) const { return root() / "layers" / key; }

  LayerCache::Recipe recipe(const std::string& key, std::string content = "content") {
    return {.key = key,
            .kind = "disk",
            .description = "a test's",
            .build = [this, content](const fs::path& staging) {
              ++m_built;
              fs::create_directory(staging / "folder");
              write(staging / "file", content);
              write(staging / "folder" / "other", content + content);
            }};
  }

  void damage(const fs::path& path, off_t offset) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    const FileDescriptor file(::open(path.c_str(), O_RDWR));
    char byte = 0;
    ASSERT_EQ(::pread(file.get(), &byte, 1, offset), 1);
    byte = static_cast<char>(byte ^ 1);
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, offset), 1);
  }

  LogRecorder m_log;
  TemporaryDirectory m_folder;
  std::atomic<int> m_built = 0;
};

/// Runs `action` in a process of its own; what waitpid says of it.
int in_process(const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      action();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(LayerCacheTest, BuildsWhatIsAbsentAndFindsItAfter) {
  LayerCache cache(root());
  EXPECT_FALSE(cache.find("key"));
  const Layer built = cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(read_file(built.directory() / "file"), "content");
  const Layer found = cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(found.directory(), built.directory());
  EXPECT_EQ(found.content(), built.content());
  EXPECT_TRUE(LayerCache(root()).find("key"));
  EXPECT_EQ(m_built, 1);
  EXPECT_THAT(names_in(root() / "staging"), IsEmpty());
}

TEST_F(LayerCacheTest, RenewsEachLayerOnce) {
  LayerCache cache(root());
  const Layer old = cache.find_or_build(recipe("key", "old"), {});
  cache.renew();
  EXPECT_EQ(read_file(cache.find_or_build(recipe("key", "new"), {}).directory() / "file"), "new");
  EXPECT_EQ(read_file(cache.find_or_build(recipe("key", "newer"), {}).directory() / "file"), "new");
  EXPECT_EQ(m_built, 2);
}

TEST_F(LayerCacheTest, KeepsTheOldLayerWhenItsRenewalFails) {
  LayerCache cache(root());
  cache.find_or_build(recipe("key", "old"), {});
  cache.renew();
  LayerCache::Recipe broken = recipe("key");
  broken.build = [](const fs::path&) { throw Error(ErrorCode::io, "no network"); };
  EXPECT_THROW(cache.find_or_build(broken, {}), Error);
  EXPECT_EQ(read_file(cache.find("key")->directory() / "file"), "old");
}

TEST_F(LayerCacheTest, MakesFilesReadOnly) {
  LayerCache cache(root());
  const Layer layer = cache.find_or_build(recipe("key"), {});
  const fs::perms writers =
      fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
  EXPECT_EQ(fs::status(layer.directory() / "file").permissions() & writers, fs::perms::none);
}

TEST_F(LayerCacheTest, TellsContentApartFromKey) {
  LayerCache cache(root());
  const std::string one = cache.find_or_build(recipe("one", "same"), {}).content();
  const std::string two = cache.find_or_build(recipe("two", "same"), {}).content();
  const std::string three = cache.find_or_build(recipe("three", "other"), {}).content();
  EXPECT_EQ(one, two);
  EXPECT_NE(one, three);
}

TEST_F(LayerCacheTest, RefusesKeysThatAreNoFileNames) {
  LayerCache cache(root());
  for (const char* key : {"", "../x", "a/b", "a.b", "A"})
    EXPECT_THROW(cache.find(key), Error) << key;
}

TEST_F(LayerCacheTest, LeavesNothingOfABuildThatThrows) {
  LayerCache cache(root());
  LayerCache::Recipe failing = recipe("key");
  failing.build = [](const fs::path& staging) {
    write(staging / "half", "made");
    throw Error(ErrorCode::infrastructure, "no network");
  };
  EXPECT_THROW(cache.find_or_build(failing, {}), Error);
  EXPECT_THAT(names_in(root() / "staging"), IsEmpty());
  EXPECT_THAT(names_in(root() / "layers"), IsEmpty());
  cache.find_or_build(recipe("key"), {});
}

TEST_F(LayerCacheTest, RefusesWhatIsNoRegularFile) {
  LayerCache cache(root());
  LayerCache::Recipe linking = recipe("key");
  linking.build = [](const fs::path& staging) {
    fs::create_symlink("/etc/passwd", staging / "link");
  };
  EXPECT_THROW(cache.find_or_build(linking, {}), Error);
}

TEST_F(LayerCacheTest, NoticesEveryChangedBit) {
  LayerCache cache(root());
  int expected = 0;
  for (const char* name : {"file", "folder/other", "layer.json"})
    for (const off_t offset : {0, 3, 6}) {
      cache.find_or_build(recipe("key"), {});
      ASSERT_EQ(m_built, ++expected) << name << " " << offset;
      damage(entry("key") / name, offset);
    }
  EXPECT_FALSE(cache.find("key"));
  EXPECT_THAT(m_log.lines().back(), HasSubstr("cached layer 'key' is damaged and set aside"));
}

TEST_F(LayerCacheTest, NoticesAChangeThatKeepsSizeAndModificationTime) {
  LayerCache cache(root());
  cache.find_or_build(recipe("key"), {});
  ASSERT_TRUE(cache.find("key"));
  const fs::file_time_type before = fs::last_write_time(entry("key") / "file");
  damage(entry("key") / "file", 2);
  fs::last_write_time(entry("key") / "file", before);
  EXPECT_FALSE(cache.find("key"));
}

TEST_F(LayerCacheTest, NoticesTruncationAndAbsence) {
  LayerCache cache(root());
  cache.find_or_build(recipe("key"), {});
  fs::permissions(entry("key") / "file", fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(entry("key") / "file", 3);
  cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(m_built, 2);
  fs::remove(entry("key") / "folder" / "other");
  cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(m_built, 3);
  fs::remove(entry("key") / "layer.json");
  cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(m_built, 4);
}

TEST_F(LayerCacheTest, AcceptsFilesThatWereOnlyTouched) {
  LayerCache cache(root());
  cache.find_or_build(recipe("key"), {});
  fs::last_write_time(entry("key") / "file", fs::file_time_type::clock::now());
  EXPECT_TRUE(cache.find("key"));
  EXPECT_THAT(m_log.lines(), IsEmpty());
}

TEST_F(LayerCacheTest, KeepsOnlyTheLatestDamagedEntries) {
  LayerCache cache(root());
  for (int i = 0; i < 6; ++i) {
    cache.find_or_build(recipe("key"), {});
    damage(entry("key") / "file", 0);
  }
  cache.find_or_build(recipe("key"), {});
  EXPECT_EQ(names_in(root() / "broken").size(), 3U);
}

TEST_F(LayerCacheTest, SurvivesTheKillOfABuilderAtAnyPoint) {
  // Points 0 to 3 are inside the build; after that the parent kills as soon as it hears that the
  // build is over, which hits hashing, fsync, rename and the fingerprint as it comes.
  for (int point = 0; point < 24; ++point) {
    Pipe pipe;
    const pid_t child = ::fork();
    if (child == 0) {
      LayerCache cache(root());
      LayerCache::Recipe dying = recipe("key", std::string(100'000, 'x'));
      dying.build = [&](const fs::path& staging) {
        for (int i = 0; i < 4; ++i) {
          if (i == point)
            ::raise(SIGKILL);
          write(staging / std::to_string(i), std::string(50'000, 'x'));
        }
        static_cast<void>(!::write(pipe.writing.get(), "x", 1));
      };
      cache.find_or_build(dying, {});
      ::raise(SIGKILL);
    }
    pipe.writing.close();
    char byte = 0;
    if (::read(pipe.reading.get(), &byte, 1) == 1)
      ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));

    LayerCache cache(root());
    EXPECT_THAT(names_in(root() / "staging"), IsEmpty()) << point;
    { const Layer layer = cache.find_or_build(recipe("key"), {}); }
    EXPECT_THAT(m_log.lines(), IsEmpty()) << point;
    EXPECT_TRUE(cache.find("key"));
    cache.drop("key");
  }
}

TEST_F(LayerCacheTest, SweepsNothingOfALivingBuilder) {
  LayerCache cache(root());
  LayerCache::Recipe slow = recipe("key");
  slow.build = [&](const fs::path& staging) {
    write(staging / "file", "x");
    const LayerCache second(root());
    EXPECT_TRUE(fs::exists(staging / "file"));
  };
  cache.find_or_build(slow, {});
}

TEST_F(LayerCacheTest, BuildsOnceForProcessesThatRace) {
  { const LayerCache cache(root()); }
  const auto race = [&] {
    LayerCache cache(root());
    LayerCache::Recipe marking = recipe("key");
    marking.build = [&](const fs::path& staging) {
      const FileDescriptor mark(
          ::open((m_folder.path() / "built").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
      static_cast<void>(!::write(mark.get(), "x", 1));
      write(staging / "file", std::string(1'000'000, 'x'));
    };
    const Layer layer = cache.find_or_build(marking, {});
    if (fs::file_size(layer.directory() / "file") != 1'000'000)
      ::_exit(2);
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    if (child == 0)
      ::_exit(in_process(race));
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(read_file(m_folder.path() / "built"), "x");
}

TEST_F(LayerCacheTest, BuildsOnceForThreadsThatRace) {
  LayerCache cache(root());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back(
        [&] { cache.find_or_build(recipe("key", std::string(500'000, 'x')), {}); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(m_built, 1);
}

TEST_F(LayerCacheTest, LetsAWaiterCancel) {
  LayerCache cache(root());
  LayerCache::Recipe outer = recipe("key");
  outer.build = [&](const fs::path& staging) {
    write(staging / "file", "x");
    CancelSource source;
    std::thread canceller([&] { source.cancel(); });
    const Result<void> waited =
        catch_error([&] { cache.find_or_build(recipe("key"), source.token()); });
    canceller.join();
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ErrorCode::cancelled);
  };
  cache.find_or_build(outer, {});
  EXPECT_TRUE(cache.find("key"));
}

TEST_F(LayerCacheTest, CollectsLeastRecentlyUsedFirstAndNothingInUse) {
  LayerCache cache(root());
  const std::string big(1'000'000, 'x');
  for (const char* key : {"one", "two", "three"})
    cache.find_or_build(recipe(key, big), {});
  const auto used = [&](const char* key, int minutes_ago) {
    fs::last_write_time(root() / "locks" / key,
                        fs::file_time_type::clock::now() - std::chrono::minutes(minutes_ago));
  };
  std::optional<Layer> held = cache.find("one");
  used("one", 30);
  used("two", 20);
  used("three", 10);
  EXPECT_GT(cache.collect_garbage(mebibytes(7)).count, 0U);
  EXPECT_TRUE(fs::exists(entry("one")));
  EXPECT_FALSE(fs::exists(entry("two")));
  EXPECT_TRUE(fs::exists(entry("three")));
  held.reset();
  cache.collect_garbage({0});
  EXPECT_THAT(cache.list(), IsEmpty());
}

TEST_F(LayerCacheTest, LeavesNoLocksOfDroppedEntries) {
  LayerCache cache(root());
  cache.find_or_build(recipe("kept"), {});
  cache.find_or_build(recipe("dropped"), {});
  cache.drop("dropped");
  const FileLock building =
      FileLock::acquire(root() / "locks" / "other.build", FileLock::Mode::exclusive);
  cache.collect_garbage(gibibytes(1));
  EXPECT_THAT(names_in(root() / "locks"),
              UnorderedElementsAre("kept", "kept.build", "other.build"));
  EXPECT_TRUE(cache.find_or_build(recipe("dropped"), {}).content() != "");
}

TEST_F(LayerCacheTest, ListsWhatItHolds) {
  LayerCache cache(root());
  cache.find_or_build(recipe("key", std::string(100'000, 'x')), {});
  const std::vector<LayerInfo> layers = cache.list();
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].key, "key");
  EXPECT_EQ(layers[0].kind, "disk");
  EXPECT_EQ(layers[0].description, "a test's");
  EXPECT_GE(layers[0].size, Bytes{300'000});
  EXPECT_LT(layers[0].size, Bytes{400'000});
}

TEST_F(LayerCacheTest, VerifiesEveryEntryInFull) {
  LayerCache cache(root());
  cache.find_or_build(recipe("good"), {});
  cache.find_or_build(recipe("bad"), {});
  damage(entry("bad") / "file", 1);
  EXPECT_THAT(cache.verify(), ElementsAre("bad"));
  EXPECT_THAT(cache.verify(), IsEmpty());
}

TEST_F(LayerCacheTest, DropsAnEntryUnderItsReaders) {
  LayerCache cache(root());
  const Layer layer = cache.find_or_build(recipe("key"), {});
  std::ifstream reader(layer.directory() / "file");
  cache.drop("key");
  cache.drop("key");
  std::string content;
  reader >> content;
  EXPECT_EQ(content, "content");
  EXPECT_FALSE(cache.find("key"));
}

TEST_F(LayerCacheTest, LeavesNothingWhenTheDiskIsFull) {
  const int status = in_process([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    LayerCache cache(root());
    const Result<void> built =
        catch_error([&] { cache.find_or_build(recipe("key", std::string(200'000, 'x')), {}); });
    ::_exit(!built && built.error().code == ErrorCode::io ? 0 : 1);
  });
  EXPECT_EQ(status, 0);
  EXPECT_THAT(names_in(root() / "staging"), IsEmpty());
  EXPECT_THAT(names_in(root() / "layers"), IsEmpty());
}

}  // namespace
}  // namespace nestbox
