#include "harness/guest/tree_archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <fstream>
#include <functional>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/tar_writer.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

class TreeArchive : public testing::Test {
protected:
  fs::path tar() const { return m_directory.path() / "tree.tar"; }
  fs::path source() const { return m_directory.path() / "source"; }
  fs::path back() const { return m_directory.path() / "back"; }

  /// Into tar().
  void pack(const std::vector<std::string>& files) {
    SocketPair pair;
    std::string archive;
    std::thread reader([&] {
      char buffer[4096];
      for (ssize_t count; (count = ::recv(pair.theirs.get(), buffer, sizeof buffer, 0)) > 0;)
        archive.append(buffer, static_cast<std::size_t>(count));
    });
    const Result<void> packed = catch_error([&] { pack_tree(source(), files, pair.ours.get()); });
    pair.ours.close();
    reader.join();
    write_file(tar(), archive);
    if (!packed)
      throw packed.error();
  }

  void write_tar(const std::function<void(TarWriter&)>& fill) {
    std::string archive;
    TarWriter writer([&](std::string_view bytes) { archive += bytes; });
    fill(writer);
    writer.finish();
    write_file(tar(), archive);
  }

  void unpack(TreeLimits limits = {}, const CancelToken& cancel = {}) {
    unpack_tree(tar(), "out", back(), limits, cancel);
  }

  ErrorCode refusal(TreeLimits limits = {}, const CancelToken& cancel = {}) {
    try {
      unpack(limits, cancel);
    } catch (const Error& error) {
      return error.code;
    }
    ADD_FAILURE() << "did not throw";
    return ErrorCode::usage;
  }

  TemporaryDirectory m_directory;
};

TEST_F(TreeArchive, CarriesATreeThereAndBack) {
  fs::create_directories(source() / "out/deep/er");
  fs::create_directories(source() / "out/empty");
  const std::string large(300'000, 'x');
  write_file(source() / "out/deep/er/a b", large);
  write_file(source() / "out/grüße", "u");
  write_file(source() / "out/none", "");
  fs::create_symlink("/nonexistent", source() / "out/link");
  pack({"out", "out/deep/er/a b", "out/empty", "out/grüße", "out/none", "out/link"});
  unpack();
  EXPECT_EQ(read_file(back() / "deep/er/a b"), large);
  EXPECT_EQ(read_file(back() / "grüße"), "u");
  EXPECT_EQ(fs::file_size(back() / "none"), 0U);
  EXPECT_TRUE(fs::is_directory(back() / "empty"));
  EXPECT_EQ(fs::read_symlink(back() / "link"), "/nonexistent");
}

TEST_F(TreeArchive, IsReadByTar) {
  fs::create_directories(source());
  write_file(source() / "f", "content");
  fs::permissions(source() / "f", fs::perms(0750));
  pack({"f"});
  EXPECT_THAT(run_checked({.argv = {"tar", "-tvf", tar().string()}}, Deadline::never()),
              HasSubstr("-rwxr-x---"));
}

TEST_F(TreeArchive, PacksNothingThatLeavesItsRoot) {
  fs::create_directories(source());
  fs::create_directories(m_directory.path() / "beside");
  write_file(m_directory.path() / "beside/secret", "x");
  fs::create_directory_symlink(m_directory.path() / "beside", source() / "link");
  for (const std::string name : {"../beside/secret", "/etc/passwd", "link/secret", "", "absent"})
    EXPECT_THROW(pack({name}), Error) << name;
}

TEST_F(TreeArchive, TakesASingleFile) {
  write_tar([](TarWriter& writer) { writer.file("./out", "x"); });
  unpack();
  EXPECT_EQ(read_file(back() / "out"), "x");
}

TEST_F(TreeArchive, RefusesWhatNobodyAskedFor) {
  for (const std::string name : {"other", "./out/../../x", "/etc/x", "../x", "out2/x"}) {
    write_tar([&](TarWriter& writer) {
      writer.directory("./out");
      writer.file(name, "x");
    });
    EXPECT_EQ(refusal(), ErrorCode::corrupt) << name;
  }
  EXPECT_FALSE(fs::exists(m_directory.path() / "x"));
}

TEST_F(TreeArchive, WritesThroughNoSymlink) {
  write_tar([&](TarWriter& writer) {
    writer.directory("./out");
    writer.symlink("./out/way", m_directory.path().string());
    writer.file("./out/way/x", "x");
  });
  refusal();
  EXPECT_FALSE(fs::exists(m_directory.path() / "x"));
}

TEST_F(TreeArchive, TakesNoMoreThanTheLimits) {
  write_tar([](TarWriter& writer) {
    writer.directory("./out");
    writer.file("./out/a", std::string(1000, 'x'));
    writer.file("./out/b", "x");
  });
  EXPECT_EQ(refusal({.bytes = 999}), ErrorCode::corrupt);
  EXPECT_EQ(refusal({.entries = 1}), ErrorCode::corrupt);
}

TEST_F(TreeArchive, RefusesWhatIsNoArchive) {
  write_file(tar(), std::string(2000, 'x'));
  EXPECT_EQ(refusal(), ErrorCode::corrupt);
  write_tar([](TarWriter& writer) { writer.file("./out", std::string(5000, 'x')); });
  fs::resize_file(tar(), 2000);
  EXPECT_EQ(refusal(), ErrorCode::corrupt);
}

TEST_F(TreeArchive, StopsWhenCancelled) {
  write_tar([](TarWriter& writer) { writer.file("./out", "x"); });
  CancelSource source;
  source.cancel();
  EXPECT_EQ(refusal({}, source.token()), ErrorCode::cancelled);
}

}  // namespace
}  // namespace nestbox
