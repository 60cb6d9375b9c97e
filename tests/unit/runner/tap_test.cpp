#include "runner/cases/tap.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

std::optional<CaseReport> parse(std::string_view text) {
  TapParser parser;
  parser.feed(text);
  return parser.finish();
}

std::vector<TestCase> cases(std::string_view text) {
  std::optional<CaseReport> report = parse(text);
  return report ? report->cases : std::vector<TestCase>{};
}

TEST(Tap, ReadsResultsOfAPlan) {
  EXPECT_EQ(parse("1..3\nok 1 - first\nnot ok 2 - second\nok 3\n"),
            (CaseReport{"tap",
                        {{"first", Outcome::passed, "", {}},
                         {"second", Outcome::failed, "", {}},
                         {"case 3", Outcome::passed, "", {}}},
                        "",
                        false}));
}

TEST(Tap, LeavesOrdinaryOutputAlone) {
  EXPECT_FALSE(parse("ok 1 looks like a case\nnot ok either\n"));
  EXPECT_FALSE(parse("1..5\n"));
  EXPECT_FALSE(parse(""));
}

TEST(Tap, ReadsDirectives) {
  EXPECT_EQ(cases("TAP version 13\n1..4\nok 1 a # SKIP no tool\nnot ok 2 b # TODO later\n"
                  "ok 3 c # todo\nok 4 d \\# skip is part of the name\n"),
            (std::vector<TestCase>{{"a", Outcome::skipped, "no tool", {}},
                                   {"b", Outcome::xfailed, "later", {}},
                                   {"c", Outcome::xpassed, "", {}},
                                   {"d \\# skip is part of the name", Outcome::passed, "", {}}}));
}

TEST(Tap, TellsAWholeSkip) {
  EXPECT_EQ(parse("1..0 # SKIP needs root\n"), (CaseReport{"tap", {}, "needs root", true}));
}

TEST(Tap, ComplainsAboutABrokenPlan) {
  EXPECT_EQ(parse("1..3\nok 1\n")->problem, "planned 3 cases, saw 1");
  EXPECT_EQ(parse("ok 1\nok 2\n1..2\n")->problem, "");
}

TEST(Tap, ComplainsWhenBailedOut) {
  EXPECT_EQ(parse("1..2\nok 1\nBail out! disk full\n")->problem, "bailed out: disk full");
}

TEST(Tap, KeepsTheMessageOfYamlDiagnostics) {
  EXPECT_EQ(cases("TAP version 13\n1..2\nnot ok 1 a\n  ---\n  message: it broke\n  ok 7 no case\n"
                  "  ...\nok 2 b\n"),
            (std::vector<TestCase>{{"a", Outcome::failed, "it broke", {}},
                                   {"b", Outcome::passed, "", {}}}));
}

TEST(Tap, EndsUnclosedYamlAtTheNextResult) {
  EXPECT_EQ(cases("TAP version 13\n1..2\nok 1 a\n  ---\nok 2 b\n").size(), 2U);
}

TEST(Tap, NamesNestedKtapCasesByTheirParents) {
  std::optional<CaseReport> report = parse("KTAP version 1\n1..2\n"
                                           "    KTAP version 1\n    # Subtest: suite\n    1..2\n"
                                           "    ok 1 one\n    not ok 2 two\n"
                                           "not ok 1 suite\nok 2 alone\n");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->format, "ktap");
  EXPECT_EQ(report->problem, "");
  EXPECT_EQ(report->cases, (std::vector<TestCase>{{"suite > one", Outcome::passed, "", {}},
                                                  {"suite > two", Outcome::failed, "", {}},
                                                  {"alone", Outcome::passed, "", {}}}));
}

TEST(Tap, ReadsNestingThreeDeep) {
  EXPECT_EQ(
      cases("KTAP version 1\n1..1\n  1..1\n    1..1\n    ok 1 leaf\n  ok 1 middle\nok 1 top\n"),
      (std::vector<TestCase>{{"top > middle > leaf", Outcome::passed, "", {}}}));
}

TEST(Tap, ReadsKselftestsNestedComments) {
  EXPECT_EQ(
      cases("TAP version 13\n1..1\n# timeout set to 45\n# TAP version 13\n# 1..2\n# ok 1 inner\n"
            "# not ok 2 broken\nnot ok 1 selftests: net: x.sh # exit=1\n"),
      (std::vector<TestCase>{{"selftests: net: x.sh # exit=1 > inner", Outcome::passed, "", {}},
                             {"selftests: net: x.sh # exit=1 > broken", Outcome::failed, "", {}}}));
}

TEST(Tap, DoesNotTakeACommentForACase) {
  EXPECT_EQ(cases("1..1\n# ok 9 just words\nok 1 a\n").size(), 1U);
}

TEST(Tap, ReportsAParentThatFailsByItself) {
  EXPECT_EQ(cases("TAP version 14\n1..1\n    1..1\n    ok 1 child\nnot ok 1 parent\n"),
            (std::vector<TestCase>{{"parent > child", Outcome::passed, "", {}},
                                   {"parent", Outcome::failed, "", {}}}));
}

TEST(Tap, ReadsAnyPieces) {
  const std::string text = "TAP version 13\r\n1..2\r\nok 1 - a\r\nnot ok 2 - b # why\r\n";
  TapParser parser;
  for (char byte : text)
    parser.feed({&byte, 1});
  EXPECT_EQ(parser.finish(), parse(text));
}

TEST(Tap, StaysBoundedUnderAFlood) {
  TapParser parser;
  parser.feed("1..1\nok 1 a\n");
  const std::string flood(1 << 20, 'x');
  for (int piece = 0; piece < 16; ++piece)
    parser.feed(flood);
  std::optional<CaseReport> report = parser.finish();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->cases.size(), 1U);
}

TEST(Tap, SaysWhenCasesAreTooMany) {
  TapParser parser;
  parser.feed("TAP version 13\n");
  for (std::size_t index = 0; index < k_maximum_cases; ++index)
    parser.feed("ok\n");
  parser.feed("not ok beyond\n");
  std::optional<CaseReport> report = parser.finish();
  EXPECT_EQ(report->cases.size(), k_maximum_cases);
  EXPECT_EQ(report->problem, "case 'beyond' failed beyond the 100000 cases kept");
}

TEST(Tap, SurvivesHostileText) {
  EXPECT_NO_THROW(parse("1..99999999999999999999999\nok 1\n"));
  EXPECT_NO_THROW(parse("1..1 garbage\nnot\nnot ok\nok\tx\n\n\n---\n...\n"));
  std::string deep = "1..1\n";
  for (int level = 1; level < 200; ++level)
    deep += std::string(static_cast<std::size_t>(level), ' ') + "ok 1 x\n";
  EXPECT_NO_THROW(parse(deep + "ok 1 top\n"));
}

}  // namespace
}  // namespace nestbox
