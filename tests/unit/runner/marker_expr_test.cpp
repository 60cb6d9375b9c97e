#include "runner/marker_expr.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace nestbox {
namespace {

using testing::ElementsAre;

bool holds(std::string_view text, const std::vector<std::string>& markers) {
  return value_or_throw(MarkerExpression::parse(text)).matches([&](std::string_view word) {
    return std::find(markers.begin(), markers.end(), word) != markers.end();
  });
}

std::string canonical(std::string_view text) {
  return value_or_throw(MarkerExpression::parse(text)).canonical();
}

std::string mistake(std::string_view text) {
  auto expression = MarkerExpression::parse(text);
  return expression ? "" : expression.error().render();
}

// The tables of pytest's own tests, testing/test_mark_expression.py, but for the empty expression
// (all, not none).
TEST(MarkerExpression, MatchesAllWhenEmpty) {
  EXPECT_TRUE(holds("", {}));
  EXPECT_TRUE(holds(" \t ", {}));
  EXPECT_TRUE(MarkerExpression().matches([](std::string_view) { return false; }));
}

TEST(MarkerExpression, EvaluatesAsPytestDoes) {
  struct Case {
    const char* text;
    bool expected;
  };
  const std::vector<std::string> markers = {"true", "t"};
  for (auto [text, expected] : {Case{"true", true},
                                {"false", false},
                                {"not true", false},
                                {"not false", true},
                                {"not not true", true},
                                {"not not false", false},
                                {"true and true", true},
                                {"true and false", false},
                                {"false or true", true},
                                {"true or true", true},
                                {"true or true and false", true},
                                {"not true and true", false},
                                {"not true or true", true},
                                {"not (true and true)", false},
                                {"not (true or true)", false},
                                {"(true)", true},
                                {"((((((true))))))", true},
                                {"true and (true or false)", true},
                                {"(t)or t", true},
                                {"(true and true) or false", true},
                                {"false and true or true", true},
                                {"\ttrue\tand  true ", true},
                                {"(true)or(false)", true},
                                {"not(false)", true}})
    EXPECT_EQ(holds(text, markers), expected) << text;
}

TEST(MarkerExpression, TakesPytestsWords) {
  for (const char* word : {".",     "...",     ":::",       "a:::c",
                           "a+-b",  "nottrue", "notfalse",  "andor",
                           "True",  "False",   "None",      "if",
                           "else",  "while",   "[bracket]", "\\nhe\\\\l\\lo\\n\\t\\rbye",
                           "a/b",   "1234",    "1234abcd",  "1234and",
                           "größe", "日本"})
    EXPECT_TRUE(holds(word, {word})) << word;
}

TEST(MarkerExpression, AsksForEachWordAtMostOnce) {
  std::map<std::string, int, std::less<>> asked;
  auto expression = value_or_throw(MarkerExpression::parse("a and b or a and not b or a and c"));
  EXPECT_FALSE(expression.matches([&](std::string_view word) {
    ++asked[std::string(word)];
    return false;
  }));
  EXPECT_EQ(asked, (std::map<std::string, int, std::less<>>{{"a", 1}}));
}

TEST(MarkerExpression, ListsItsWordsInOrder) {
  EXPECT_THAT(value_or_throw(MarkerExpression::parse("vm and (slow or not vm) and net")).words(),
              ElementsAre("vm", "slow", "net"));
  EXPECT_THAT(value_or_throw(MarkerExpression::parse("")).words(), ElementsAre());
}

TEST(MarkerExpression, WritesItselfWithFewParentheses) {
  EXPECT_EQ(canonical("((a))and(b)"), "a and b");
  EXPECT_EQ(canonical("a or (b or c)"), "a or b or c");
  EXPECT_EQ(canonical("(a and b) or c"), "a and b or c");
  EXPECT_EQ(canonical("a and (b or c)"), "a and (b or c)");
  EXPECT_EQ(canonical("not (a)"), "not a");
  EXPECT_EQ(canonical("not (a and not (b or c))"), "not (a and not (b or c))");
  EXPECT_EQ(canonical("not not a"), "not not a");
  EXPECT_EQ(canonical(""), "");
}

TEST(MarkerExpression, PointsAtMistakes) {
  EXPECT_EQ(mistake("vm and"),
            "marker expression:1:7: error: expected 'not', '(' or a word, not the end\n"
            "    vm and\n"
            "          ^");
  EXPECT_EQ(mistake("vm slow"),
            "marker expression:1:4: error: expected 'and', 'or' or the end, not 'slow'\n"
            "    vm slow\n"
            "       ^\n"
            "hint: join words by 'and' or 'or'");
  EXPECT_EQ(mistake("größe & b"), "marker expression:1:7: error: unexpected character '&'\n"
                                  "    größe & b\n"
                                  "          ^\n"
                                  "hint: write 'and'");
  EXPECT_EQ(mistake("a and (b or c"),
            "marker expression:1:7: error: this parenthesis is never closed\n"
            "    a and (b or c\n"
            "          ^");
  EXPECT_EQ(mistake("device(serial=1)"),
            "marker expression:1:7: error: expected 'and', 'or' or the end, not '('\n"
            "    device(serial=1)\n"
            "          ^\n"
            "hint: markers take no arguments");
}

TEST(MarkerExpression, RefusesWhatPytestRefuses) {
  for (const char* text :
       {"(",    ")",    ")(",    "()",    "and",  "or",        "not",  "not or", "a and or",
        "or a", "a or", "a and", "(not)", "a b",  "a and not", "((a)", "a)",     "!a",
        "a|b",  "a,b",  "a=b",   "\"a\"", "a\nb", "…",         "\xff"})
    EXPECT_FALSE(MarkerExpression::parse(text)) << text;
}

TEST(MarkerExpression, BoundsLengthAndDepth) {
  EXPECT_TRUE(MarkerExpression::parse(std::string(4096, 'a')));
  EXPECT_FALSE(MarkerExpression::parse(std::string(4097, 'a')));
  EXPECT_TRUE(MarkerExpression::parse(std::string(99, '(') + "a" + std::string(99, ')')));
  EXPECT_FALSE(MarkerExpression::parse(std::string(1000, '(') + "a" + std::string(1000, ')')));
  std::string negations;
  for (int i = 0; i < 1000; ++i)
    negations += "not ";
  EXPECT_FALSE(MarkerExpression::parse(negations + "a"));
}

}  // namespace
}  // namespace nestbox
