#include "harness/base/hash.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().update("a").update("bc").hex(), sha256("abc"));
}

TEST(Sha256, FramesFields) {
  const auto digest = [](const char* name, const char* value) {
    return Sha256().field(name, value).hex();
  };
  EXPECT_NE(digest("ab", "c"), digest("a", "bc"));
  EXPECT_NE(Sha256().field("a", "b").field("c", "").hex(),
            Sha256().field("a", "").field("b", "c").hex());
  EXPECT_EQ(digest("name", "value"), sha256("4:name5:value"));
}

TEST(Sha256File, CountsHolesAsTheZerosTheyAre) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "sparse";
  std::string content(3'000'000, '\0');
  content.replace(1'500'000, 4, "data");
  {
    std::ofstream file(path);
    file.seekp(1'500'000);
    file << "data";
  }
  fs::resize_file(path, content.size());
  EXPECT_EQ(sha256_file(path), sha256(content));
}

TEST(Sha256File, ReadsPlainAndEmptyFiles) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "plain";
  const std::string content(700'000, 'x');
  write_file_atomically(path, content);
  EXPECT_EQ(sha256_file(path), sha256(content));
  write_file_atomically(path, "");
  EXPECT_EQ(sha256_file(path), sha256(""));
}

TEST(Sha256File, SaysWhichFileItCannotOpen) {
  try {
    sha256_file("/nonexistent/file");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "cannot open '/nonexistent/file': no such file or directory");
  }
}

}  // namespace
}  // namespace nestbox
