#include "harness/model/shell_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

std::vector<std::string> split_texts(std::string_view text) {
  std::vector<std::string> texts;
  std::vector<ShellWord> split = split_shell_words(text).value();
  for (ShellWord& word : split)
    texts.push_back(std::move(word.text));
  return texts;
}

TEST(ShellWords, AreSplitAtBlanks) {
  EXPECT_THAT(split_texts("  a\tb\n c  "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_texts(" \n"), ElementsAre());
}

TEST(ShellWords, KeepWhatIsQuoted) {
  EXPECT_THAT(split_texts(R"('a b'"c d"e '' "\"\\\x" \'\ x)"),
              ElementsAre("a bc de", "", "\"\\\\x", "' x"));
}

TEST(ShellWords, ExpandNothing) {
  EXPECT_THAT(split_texts("$HOME `ls` * ~ a|b #c &"),
              ElementsAre("$HOME", "`ls`", "*", "~", "a|b", "#c", "&"));
}

TEST(ShellWords, KnowWhereTheyBegin) {
  auto words = split_shell_words(" a  'b c' d");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->at(0).offset, 1U);
  EXPECT_EQ(words->at(1).offset, 4U);
  EXPECT_EQ(words->at(2).offset, 10U);
}

TEST(ShellWords, SayWhichQuoteIsNeverClosed) {
  EXPECT_EQ(split_shell_words("a 'b").error(), 2U);
  EXPECT_EQ(split_shell_words("a b\"c\\\"").error(), 3U);
  EXPECT_EQ(split_shell_words("a\\").error(), 1U);
}

TEST(ShellWords, ReadBackWhatShellQuoteWrites) {
  const std::vector<std::string> words = {"a", "", "b c", "it's", "\"", "\\", "|", "--x=y z"};
  EXPECT_EQ(split_texts(shell_quote(words)), words);
}

}  // namespace
}  // namespace nestbox
