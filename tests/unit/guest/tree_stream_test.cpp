#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/guest/payload.hpp"
#include "harness/guest/tree_reader.hpp"
#include "harness/guest/tree_writer.hpp"

namespace nestbox {
namespace {

FileDescriptor open_directory(const fs::path& path) {
  return FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string stream_of(const fs::path& root) {
  TreeWalk walk(open_directory(root));
  TreeReader reader(
      open_directory(root), [&](std::string& path) { return walk.next(path); },
      TreeReader::Odd::skip);
  std::string stream;
  char piece[5000];
  while (const std::size_t size = reader.read(piece, sizeof piece))
    stream.append(piece, size);
  EXPECT_EQ(reader.error(), "");
  return stream;
}

TreeWriter writer_into(const fs::path& root, TreeLimits limits = {}) {
  return TreeWriter(open_directory(root), TreeModes::owned, limits);
}

std::string record(char type, std::string_view path, std::string_view target = {}) {
  PayloadWriter writer;
  writer.integer(type).integer(std::uint32_t{0644}).string(path);
  if (type == 'l')
    writer.string(target);
  return writer.take();
}

std::string extent(std::uint64_t offset, std::string_view bytes) {
  return PayloadWriter().integer(offset).integer(static_cast<std::uint32_t>(bytes.size())).take()
         + std::string(bytes);
}

std::string file(std::string_view path, std::string_view content) {
  return record('f', path) + (content.empty() ? "" : extent(0, content))
         + extent(content.size(), "");
}

TEST(TreeStream, CarriesFilesDirectoriesSymlinksAndModes) {
  const TemporaryDirectory source, destination;
  fs::create_directories(source.path() / "a dir/deep");
  fs::create_directories(source.path() / "empty");
  std::ofstream(source.path() / "a dir/deep/new\nline") << "content";
  std::ofstream(source.path() / "nothing");
  chmod((source.path() / "a dir/deep/new\nline").c_str(), 0751);
  fs::create_symlink("/outside/../x", source.path() / "link");
  TreeWriter writer = writer_into(destination.path());
  ASSERT_TRUE(writer.write(stream_of(source.path()))) << writer.error();
  EXPECT_TRUE(writer.finished());
  EXPECT_EQ(read_file(destination.path() / "a dir/deep/new\nline"), "content");
  EXPECT_EQ(fs::status(destination.path() / "a dir/deep/new\nline").permissions(), fs::perms(0751));
  EXPECT_TRUE(fs::is_directory(destination.path() / "empty"));
  EXPECT_EQ(fs::file_size(destination.path() / "nothing"), 0u);
  EXPECT_EQ(fs::read_symlink(destination.path() / "link"), "/outside/../x");
}

TEST(TreeStream, ComesInPiecesOfAnySize) {
  const TemporaryDirectory source;
  for (int i = 0; i < 20; ++i)
    std::ofstream(source.path() / ("file" + std::to_string(i)))
        << std::string(static_cast<std::size_t>(i * 777), 'x');
  const std::string stream = stream_of(source.path());
  for (const std::size_t step : {1u, 7u, 4096u, 60000u}) {
    const TemporaryDirectory destination;
    TreeWriter writer = writer_into(destination.path());
    for (std::size_t at = 0; at < stream.size(); at += step)
      ASSERT_TRUE(writer.write(std::string_view(stream).substr(at, step))) << writer.error();
    EXPECT_TRUE(writer.finished());
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(fs::file_size(destination.path() / ("file" + std::to_string(i))),
                static_cast<std::size_t>(i * 777));
  }
}

TEST(TreeStream, KeepsHoles) {
  const TemporaryDirectory source, destination;
  {
    const FileDescriptor sparse(
        open((source.path() / "sparse").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_EQ(pwrite(sparse.get(), "data", 4, 10 << 20), 4);
    ASSERT_EQ(ftruncate(sparse.get(), 50 << 20), 0);
  }
  const std::string stream = stream_of(source.path());
  EXPECT_LT(stream.size(), 100'000u);
  TreeWriter writer = writer_into(destination.path(), {.bytes = 100'000});
  ASSERT_TRUE(writer.write(stream)) << writer.error();
  struct stat status;
  ASSERT_EQ(stat((destination.path() / "sparse").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 50 << 20);
  EXPECT_LT(status.st_blocks, 1000);
  EXPECT_EQ(read_file(source.path() / "sparse"), read_file(destination.path() / "sparse"));
}

TEST(TreeWriter, RefusesPathsThatAreNotInside) {
  for (const std::string_view path :
       {"../x", "/x", "a/../../x", "a/./b", "a//b", "", "a/", ".", ".."}) {
    const TemporaryDirectory destination;
    TreeWriter writer = writer_into(destination.path());
    EXPECT_FALSE(writer.write(file(path, "bad"))) << path;
    EXPECT_TRUE(writer.refused());
    EXPECT_TRUE(fs::is_empty(destination.path()));
  }
}

TEST(TreeWriter, FollowsNoSymlinkThatItWroteItself) {
  const TemporaryDirectory outside, destination;
  TreeWriter writer = writer_into(destination.path());
  EXPECT_FALSE(writer.write(record('l', "way", outside.path().string()) + file("way/in", "bad")));
  EXPECT_TRUE(fs::is_empty(outside.path()));
  TreeWriter directory_writer = writer_into(destination.path());
  EXPECT_FALSE(directory_writer.write(record('d', "way")));
}

TEST(TreeWriter, ReplacesWhatIsInTheWayOfAFile) {
  const TemporaryDirectory outside, destination;
  std::ofstream(outside.path() / "precious") << "precious";
  fs::create_symlink(outside.path() / "precious", destination.path() / "name");
  mkfifo((destination.path() / "fifo").c_str(), 0600);
  TreeWriter writer = writer_into(destination.path());
  ASSERT_TRUE(writer.write(file("name", "new") + file("fifo", "new") + "e")) << writer.error();
  EXPECT_EQ(read_file(outside.path() / "precious"), "precious");
  EXPECT_EQ(read_file(destination.path() / "name"), "new");
  EXPECT_EQ(read_file(destination.path() / "fifo"), "new");
}

TEST(TreeWriter, HoldsToItsLimits) {
  const TemporaryDirectory destination;
  TreeWriter few = writer_into(destination.path(), {.bytes = 100, .entries = 1});
  EXPECT_TRUE(few.write(file("a", "1")));
  EXPECT_FALSE(few.write(file("b", "1")));
  EXPECT_TRUE(few.refused());
  TreeWriter small = writer_into(destination.path(), {.bytes = 5, .entries = 9});
  EXPECT_TRUE(small.write(file("c", "12345")));
  EXPECT_FALSE(small.write(file("d", "6")));
  EXPECT_TRUE(small.refused());
}

TEST(TreeWriter, RefusesUnsoundStreams) {
  const std::string long_path(k_max_tree_path + 1, 'p');
  for (const std::string& stream :
       {std::string("x"), record('f', long_path),
        record('f', "f") + extent(10, "a") + extent(5, "b"),
        record('f', "g") + extent(~std::uint64_t{0} - 1, "a"), std::string("ee")}) {
    const TemporaryDirectory destination;
    TreeWriter writer = writer_into(destination.path());
    EXPECT_FALSE(writer.write(stream));
    EXPECT_TRUE(writer.refused());
  }
}

TEST(TreeReader, RefusesToLeaveItsRoot) {
  const TemporaryDirectory source;
  fs::create_directory_symlink("/etc", source.path() / "way");
  for (const std::string path : {"../x", "/etc/passwd", "way/passwd"}) {
    bool given = false;
    TreeReader reader(
        open_directory(source.path()),
        [&](std::string& next) {
          next = path;
          return !std::exchange(given, true);
        },
        TreeReader::Odd::fail);
    char piece[100];
    EXPECT_EQ(reader.read(piece, sizeof piece), 0u);
    EXPECT_NE(reader.error(), "") << path;
  }
}

TEST(TreeWalk, FindsEverythingOnce) {
  const TemporaryDirectory source;
  fs::create_directories(source.path() / "a/b/c");
  std::ofstream(source.path() / "a/b/file");
  std::ofstream(source.path() / "z");
  fs::create_directory_symlink("a", source.path() / "loop");
  TreeWalk walk(open_directory(source.path()));
  std::vector<std::string> paths;
  for (std::string path; walk.next(path);)
    paths.push_back(path);
  std::ranges::sort(paths);
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "a/b", "a/b/c", "a/b/file", "loop", "z"}));
}

}  // namespace
}  // namespace nestbox
