#include "harness/base/error.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "harness/base/result.hpp"

namespace nestbox {
namespace {

TEST(Error, RendersPlaceCaretTraceAndHint) {
  const Error error =
      Error(ErrorCode::definition, "unknown key 'pakages'", "did you mean 'packages'?")
          .at({"nestbox.yml", 4, 5, "    pakages: [nftables]"})
          .during("reading environment 'net'")
          .during("loading 'nestbox.yml'");
  EXPECT_EQ(error.render(), "nestbox.yml:4:5: error: unknown key 'pakages'\n"
                            "        pakages: [nftables]\n"
                            "        ^\n"
                            "  while reading environment 'net'\n"
                            "  while loading 'nestbox.yml'\n"
                            "hint: did you mean 'packages'?");
}

TEST(Error, RendersWithoutAPlace) {
  EXPECT_EQ(Error(ErrorCode::io, "it broke").render(), "error: it broke");
  EXPECT_EQ(Error(ErrorCode::io, "it broke", "mend it").render(), "error: it broke\nhint: mend it");
}

TEST(Error, CountsCharactersAndKeepsTabsBeforeTheCaret) {
  const Error error = Error(ErrorCode::definition, "bad").at({"f", 1, 4, "\täö= x"});
  EXPECT_EQ(error.render(), "f:1:4: error: bad\n"
                            "    \täö= x\n"
                            "    \t  ^");
}

TEST(Error, PointsBehindTheLineForAColumnThatItLacks) {
  const Error error = Error(ErrorCode::definition, "bad").at({"f", 1, 99, "ab"});
  EXPECT_EQ(error.render(), "f:1:99: error: bad\n    ab\n      ^");
}

TEST(Error, ShowsOfALongLineThePartAroundTheColumn) {
  const std::string line = std::string(100'000, 'a') + "b" + std::string(100'000, 'c');
  const std::string text = Error(ErrorCode::definition, "bad").at({"f", 1, 100'001, line}).render();
  EXPECT_LT(text.size(), 400U);
  const std::size_t column_of_b = text.find('b', text.find('\n')) - text.find("\n    ");
  EXPECT_EQ(text.find('^') - text.rfind("\n    "), column_of_b);
}

TEST(Error, MakesForeignControlBytesVisible) {
  const Error error = Error(ErrorCode::definition, "bad \x1b[2J").at({"f", 1, 3, "\x1b[x"});
  EXPECT_EQ(error.render(), "f:1:3: error: bad \\x1b[2J\n    \\x1b[x\n         ^");
}

TEST(Error, LeavesOutWhatIsNotKnownOfAPlace) {
  EXPECT_EQ(Error(ErrorCode::definition, "bad").at({"f", 0, 0, ""}).render(), "f: error: bad");
  EXPECT_EQ(Error(ErrorCode::definition, "bad").at({"f", 7, 0, "ab"}).render(),
            "f:7: error: bad\n    ab");
}

TEST(Error, SaysWhatTheSystemSaid) {
  EXPECT_STREQ(system_error("cannot open '/x'", ENOENT).what(),
               "cannot open '/x': no such file or directory");
  EXPECT_EQ(system_error("x", ENOENT).code, ErrorCode::io);
  EXPECT_EQ(system_error("x", ENOENT).hint, "");
  EXPECT_NE(system_error("cannot write '/x'", ENOSPC).hint, "");
  EXPECT_STREQ(system_error("cannot wait", 99999).what(), "cannot wait: unknown error 99999");
}

TEST(Error, DecidesTheExitCode) {
  EXPECT_EQ(exit_code(ErrorCode::usage), 2);
  EXPECT_EQ(exit_code(ErrorCode::definition), 2);
  EXPECT_EQ(exit_code(ErrorCode::not_found), 2);
  EXPECT_EQ(exit_code(ErrorCode::infrastructure), 3);
  EXPECT_EQ(exit_code(ErrorCode::lost), 3);
  EXPECT_EQ(exit_code(ErrorCode::cancelled), 130);
}

TEST(Result, CrossesTheBridgeBothWays) {
  EXPECT_EQ(value_or_throw(Result<int>(7)), 7);
  const Result<int> failed = fail(ErrorCode::timeout, "too long");
  EXPECT_THROW(value_or_throw(failed), Error);
  const Result<int> caught = catch_error([]() -> int { throw Error(ErrorCode::lost, "gone"); });
  ASSERT_FALSE(caught);
  EXPECT_EQ(caught.error().code, ErrorCode::lost);
  EXPECT_TRUE(catch_error([] {}).has_value());
}

}  // namespace
}  // namespace nestbox
