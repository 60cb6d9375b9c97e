#include "harness/vm/console.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(TellingLines, AreAPanicAndWhatFollows) {
  EXPECT_EQ(telling_lines("booting\r\nKernel panic - not syncing: oh\r\nCPU: 0\r\n"),
            "Kernel panic - not syncing: oh\nCPU: 0");
}

TEST(TellingLines, AreElseTheLastTwelve) {
  std::string console;
  for (int line = 1; line <= 20; ++line)
    console += std::to_string(line) + "\n";
  EXPECT_EQ(telling_lines(console), "9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20");
}

TEST(TellingLines, ArePrintable) {
  EXPECT_EQ(telling_lines("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(telling_lines(""), "");
}

}  // namespace
}  // namespace nestbox
