#include "harness/model/marker_word.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nestbox {
namespace {

TEST(MarkerWord, TakesPytestsCharacters) {
  EXPECT_EQ(marker_word_length("a_B9:+-.[]\\/ rest"), 12U);
  EXPECT_EQ(marker_word_length("größe und"), std::string("größe").size());
  EXPECT_EQ(marker_word_length("日本(x"), std::string("日本").size());
}

TEST(MarkerWord, EndsAtWhatIsNoWordCharacter) {
  for (const char* text : {"", " a", "(a", "=a", ",a", "\"a", "$a", "\xff", "…", "\xc2\xa0"})
    EXPECT_EQ(marker_word_length(text), 0U) << text;
}

TEST(MarkerWord, RefusesOperatorsConstantsAndLongWordsAsMarkers) {
  for (const char* word : {"", "and", "or", "not", "True", "False", "two words", "a(b"})
    EXPECT_FALSE(is_marker(word)) << word;
  EXPECT_FALSE(is_marker(std::string(101, 'a')));
  for (const char* word : {"vm", "android", "Not", "None", "net:ipv6", "größe"})
    EXPECT_TRUE(is_marker(word)) << word;
}

}  // namespace
}  // namespace nestbox
