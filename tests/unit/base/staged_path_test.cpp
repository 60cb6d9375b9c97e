#include "harness/base/staged_path.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(StagedPath, IsGoneWithTheObject) {
  const TemporaryDirectory folder;
  {
    const StagedPath staged(folder.path() / "staging");
    EXPECT_FALSE(fs::exists(staged.path()));
    fs::create_directory(staged.path());
    write_file_atomically(staged.path() / "a", "half");
  }
  EXPECT_TRUE(fs::is_empty(folder.path() / "staging"));
}

TEST(StagedPath, IsSweptOnlyWhenItsMakerIsGone) {
  const TemporaryDirectory folder;
  const StagedPath mine(folder.path());
  write_file_atomically(mine.path(), "half");
  write_file_atomically(folder.path() / "0123", "half");
  write_file_atomically(folder.path() / "0123.lock", "");
  sweep_staged(folder.path());
  EXPECT_TRUE(fs::exists(mine.path()));
  EXPECT_FALSE(fs::exists(folder.path() / "0123"));
  EXPECT_FALSE(fs::exists(folder.path() / "0123.lock"));
  sweep_staged(folder.path() / "absent");
}

}  // namespace
}  // namespace nestbox
