#include "harness/base/tar_writer.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

std::string archive(const std::function<void(TarWriter&)>& fill) {
  std::string bytes;
  TarWriter writer([&](std::string_view piece) { bytes += piece; });
  fill(writer);
  writer.finish();
  return bytes;
}

/// What tar(1) makes of it below `directory`.
void extract(const std::string& bytes, const fs::path& directory) {
  std::ofstream(directory / "archive.tar", std::ios::binary) << bytes;
  run_checked({.argv = {"tar", "--extract", "--no-same-owner", "--file", "archive.tar"},
               .working_directory = directory},
              Deadline::after(std::chrono::minutes(1)));
}

TEST(TarWriter, WritesWhatTarReads) {
  const TemporaryDirectory directory;
  extract(archive([](TarWriter& writer) {
            writer.directory("a", 0755);
            writer.file("a/empty", "", 0600);
            writer.file("a/program", std::string(1000, 'x'), 0755);
            writer.symlink("a/link", "program");
          }),
          directory.path());
  EXPECT_EQ(read_file(directory.path() / "a/empty"), "");
  EXPECT_EQ(read_file(directory.path() / "a/link"), std::string(1000, 'x'));
  EXPECT_EQ(fs::read_symlink(directory.path() / "a/link"), "program");
  EXPECT_EQ(fs::status(directory.path() / "a/program").permissions(), fs::perms(0755));
}

TEST(TarWriter, WritesNamesAndTargetsOfAnyLength) {
  const TemporaryDirectory directory;
  const std::string folder(90, 'd');
  const std::string name = folder + "/" + std::string(200, 'f');
  extract(archive([&](TarWriter& writer) {
            writer.directory(folder);
            writer.file(name, "far");
            writer.symlink("near", name);
          }),
          directory.path());
  EXPECT_EQ(read_file(directory.path() / name), "far");
  EXPECT_EQ(read_file(directory.path() / "near"), "far");
}

TEST(TarWriter, WritesFilesOfTheHost) {
  const TemporaryDirectory directory;
  const std::string content(200'000, 'h');
  std::ofstream(directory.path() / "source") << content;
  const std::string bytes = archive(
      [&](TarWriter& writer) { writer.host_file("copy", directory.path() / "source", 0644); });
  EXPECT_EQ(bytes, archive([&](TarWriter& writer) { writer.file("copy", content); }));
  extract(bytes, directory.path());
  EXPECT_EQ(read_file(directory.path() / "copy"), content);
}

TEST(TarWriter, SaysWhichFileCannotBeRead) {
  try {
    archive([](TarWriter& writer) { writer.host_file("x", "/no/such/file", 0644); });
    ADD_FAILURE() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "cannot read '/no/such/file': no such file or directory");
  }
}

}  // namespace
}  // namespace nestbox
