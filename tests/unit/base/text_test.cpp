#include "harness/base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::ElementsAre;

TEST(Text, SplitsAndJoins) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
}

TEST(Nearest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  const std::vector<std::string> names = {"packages", "image", "steps"};
  EXPECT_EQ(nearest("pakages", names), "packages");
  EXPECT_EQ(nearest("pacakges", names), "packages");
  EXPECT_EQ(nearest("imagee", names), "image");
  EXPECT_EQ(nearest("stips", names), "steps");
}

TEST(Nearest, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("zebra", {"packages", "image"}), "");
  EXPECT_EQ(nearest("x", {"y"}), "");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Nearest, TakesTheFirstOfEquallyNear) {
  EXPECT_EQ(nearest("vn", {"vm", "vx"}), "vm");
}

TEST(DidYouMean, IsAQuestionOrNothing) {
  EXPECT_EQ(did_you_mean("qemo", {"qemu", "local"}), "did you mean 'qemu'?");
  EXPECT_EQ(did_you_mean("docker", {"qemu", "local"}), "");
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quote({"ip", "netns", "add", "a b"}), "ip netns add 'a b'");
  EXPECT_EQ(shell_quote({"echo", "", "it's", "$x"}), "echo '' 'it'\\''s' '$x'");
}

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("a\tb\nc äöü 日本 🙂"), "a\tb\nc äöü 日本 🙂");
  EXPECT_EQ(printable("\x1b[31m\r\x7f"), "\\x1b[31m\\x0d\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, EscapesMalformedUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // C1 control: CSI
  EXPECT_EQ(printable("\xe6\x97x"), "\\xe6\\x97x");
}

TEST(GlobMatch, StarStaysWithinAPathPart) {
  EXPECT_TRUE(glob_match("*.sh", "test.sh"));
  EXPECT_FALSE(glob_match("*.sh", "tests/test.sh"));
  EXPECT_TRUE(glob_match("tests/*/a*.sh", "tests/x/abc.sh"));
  EXPECT_TRUE(glob_match("a*", "a"));
  EXPECT_FALSE(glob_match("a", "ab"));
  EXPECT_FALSE(glob_match("ab", "a"));
}

TEST(GlobMatch, TwoStarsCrossParts) {
  EXPECT_TRUE(glob_match("tests/**/a.sh", "tests/a.sh"));
  EXPECT_TRUE(glob_match("tests/**/a.sh", "tests/x/y/a.sh"));
  EXPECT_FALSE(glob_match("tests/**/a.sh", "tests/xa.sh"));
  EXPECT_TRUE(glob_match("**", "a/b/c"));
  EXPECT_TRUE(glob_match("**/c", "c"));
}

TEST(GlobMatch, KnowsQuestionMarksSetsAndEscapes) {
  EXPECT_TRUE(glob_match("t?st", "test"));
  EXPECT_FALSE(glob_match("a?b", "a/b"));
  EXPECT_TRUE(glob_match("[a-c]x[!0-9]", "bxy"));
  EXPECT_FALSE(glob_match("[a-c]x[^0-9]", "bx5"));
  EXPECT_TRUE(glob_match("[]]", "]"));
  EXPECT_TRUE(glob_match("[ab", "[ab"));
  EXPECT_TRUE(glob_match("\\*", "*"));
  EXPECT_FALSE(glob_match("\\*", "x"));
}

TEST(GlobMatch, TakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 100; ++i)
    pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace nestbox
