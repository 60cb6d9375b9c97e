#include "harness/vm/console_tail.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(ConsoleTail, SeesAPanicThatArrivesInPieces) {
  ConsoleTail tail;
  tail.add("[1.0] Kernel pan");
  EXPECT_FALSE(tail.panicked());
  tail.add("ic - not syncing: test\n");
  EXPECT_TRUE(tail.panicked());
  EXPECT_EQ(tail.text(), "[1.0] Kernel panic - not syncing: test\n");
}

TEST(ConsoleTail, KeepsWhatWasSaidLast) {
  ConsoleTail tail;
  const std::string line = std::string(1023, 'x') + "\n";
  for (int i = 0; i < 1000; ++i)
    tail.add(line);
  tail.add("last");
  EXPECT_EQ(tail.text().size(), 256u * 1024);
  EXPECT_TRUE(tail.text().ends_with("x\nlast"));
}

TEST(ConsoleTail, RemembersAPanicWhoseWordsAreGone) {
  ConsoleTail tail;
  tail.add("Kernel panic - not syncing");
  tail.add(std::string(1024 * 1024, 'x'));
  EXPECT_TRUE(tail.panicked());
}

}  // namespace
}  // namespace nestbox
