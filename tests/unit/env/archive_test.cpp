#include "harness/env/archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

void write_example(const fs::path& path) {
  CpioWriter writer(path);
  writer.directory("bin");
  writer.file("bin/tool",
              "\x7f"
              "ELF",
              0755);
  writer.symlink("bin/other", "/bin/tool");
  writer.file("etc", std::string(100'000, 'x'));
  writer.finish();
}

TEST(CpioWriter, WritesEqualBytesForEqualContent) {
  const TemporaryDirectory folder;
  write_example(folder.path() / "one");
  write_example(folder.path() / "two");
  const std::string bytes = read_file(folder.path() / "one");
  EXPECT_EQ(bytes, read_file(folder.path() / "two"));
  EXPECT_TRUE(bytes.starts_with("070701")) << "what the kernel reads";
  EXPECT_NE(bytes.find("TRAILER!!!"), std::string::npos);
}

TEST(CpioWriter, ReportsAFileThatCannotBeMade) {
  EXPECT_THROW(CpioWriter("/nowhere/at/all"), Error);
}

class ReadTarTest : public testing::Test {
protected:
  ReadTarTest() {
    const fs::path source = m_folder.path() / "source";
    fs::create_directory(source);
    std::ofstream(source / "a") << "first";
    std::ofstream(source / "b") << std::string(1'000'000, 'b');
    fs::create_symlink("a", source / "link");
    run_checked({.argv = {"tar", "--sort=name", "-cf", tar().string(), "-C",
                          m_folder.path().string(), "source"}},
                Deadline::after(std::chrono::minutes(1)));
  }

  fs::path tar() const { return m_folder.path() / "x.tar"; }

  TemporaryDirectory m_folder;
};

TEST_F(ReadTarTest, VisitsTheRegularFilesThatAreWanted) {
  std::vector<std::string> seen;
  const auto visit = [&](const std::string& name, std::string_view content) {
    seen.push_back(name + " " + std::to_string(content.size()));
  };
  read_tar(
      tar(), mebibytes(2), [](const std::string&) { return true; }, visit);
  EXPECT_THAT(seen, ElementsAre("source/a 5", "source/b 1000000"));
  seen.clear();
  read_tar(
      tar(), mebibytes(2), [](const std::string& name) { return name == "source/a"; }, visit);
  EXPECT_THAT(seen, ElementsAre("source/a 5"));
}

TEST_F(ReadTarTest, RefusesFilesBeyondTheLimitAndGarbage) {
  const auto all = [](const std::string&) { return true; };
  const auto ignore = [](const std::string&, std::string_view) {};
  EXPECT_THROW(read_tar(tar(), kibibytes(1), all, ignore), Error);
  std::ofstream(m_folder.path() / "garbage") << std::string(5000, 'g');
  EXPECT_THROW(read_tar(m_folder.path() / "garbage", mebibytes(1), all, ignore), Error);
  fs::resize_file(tar(), 500'000);
  EXPECT_THROW(read_tar(tar(), mebibytes(2), all, ignore), Error);
}

}  // namespace
}  // namespace nestbox
