#include "runner/selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

nestbox::Test make(std::string name, std::vector<std::string> markers = {}) {
  nestbox::Test test;
  test.name = std::move(name);
  test.command = {"true"};
  test.markers = std::move(markers);
  return test;
}

std::vector<nestbox::Test> suite() {
  std::vector<nestbox::Test> tests = {make("one", {"vm"}), make("two", {"slow", "mine"}),
                                      make("three"), make("Four"), make("five")};
  tests[2].needs.machine = true;
  tests[3].needs.nested = true;
  tests[4].needs.network = NetworkAccess::user;
  tests[4].environment = "tiny";
  return tests;
}

std::vector<std::string> names(const SelectionRequest& request,
                               const std::vector<std::string>& registered = {}) {
  Selection selection = value_or_throw(select_tests(suite(), request, registered));
  EXPECT_EQ(selection.tests.size() + selection.deselected, suite().size());
  std::vector<std::string> result;
  for (const nestbox::Test& test : selection.tests)
    result.push_back(test.name);
  return result;
}

TEST(Selection, TakesAllWhenNothingIsAsked) {
  EXPECT_THAT(names({}), ElementsAre("one", "two", "three", "Four", "five"));
}

TEST(Selection, SelectsByMarkersAndImpliedOnes) {
  EXPECT_THAT(names({"vm"}), ElementsAre("one", "three", "Four"));
  EXPECT_THAT(names({"not vm"}), ElementsAre("two", "five"));
  EXPECT_THAT(names({"nested"}), ElementsAre("Four"));
  EXPECT_THAT(names({"network or slow"}), ElementsAre("two", "five"));
}

TEST(Selection, SelectsByKeywordsWithoutRegardToCase) {
  EXPECT_THAT(names({"", "f"}), ElementsAre("Four", "five"));
  EXPECT_THAT(names({"", "FOUR or TINY"}), ElementsAre("Four", "five"));
  EXPECT_THAT(names({"", "min"}), ElementsAre("two"));
  EXPECT_THAT(names({"vm", "not o"}), ElementsAre("three"));
  EXPECT_THAT(names({"", "nowhere"}), IsEmpty());
}

TEST(Selection, DealsTestsOutToShards) {
  EXPECT_THAT(names({"", "", 0, 2}), ElementsAre("one", "three", "five"));
  EXPECT_THAT(names({"", "", 1, 2}), ElementsAre("two", "Four"));
  EXPECT_THAT(names({"vm", "", 1, 2}), ElementsAre("three"));
  EXPECT_THAT(names({"", "", 6, 7}), IsEmpty());
  for (auto [index, count] : {std::pair{2, 2}, {-1, 2}, {0, 0}}) {
    auto selection = select_tests(suite(), {"", "", index, count}, {});
    ASSERT_FALSE(selection);
    EXPECT_EQ(selection.error().code, ErrorCode::usage);
  }
}

TEST(Selection, RefusesAMarkerThatNobodyKnows) {
  auto selection = select_tests(suite(), {"not slwo"}, {});
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().render(),
            "marker expression:1:5: error: no test bears the marker 'slwo'\n"
            "    not slwo\n"
            "        ^\n"
            "  while reading '-m'\n"
            "hint: did you mean 'slow'?");
  EXPECT_FALSE(select_tests({}, {"mine"}, {}));
}

TEST(Selection, TakesBuiltInAndRegisteredMarkersThatNoTestBears) {
  EXPECT_THAT(names({"unit"}), IsEmpty());
  EXPECT_THAT(names({"hardware"}, {"hardware"}), IsEmpty());
}

TEST(Selection, SaysWhichExpressionIsWrong) {
  auto markers = select_tests(suite(), {"vm and"}, {});
  ASSERT_FALSE(markers);
  EXPECT_THAT(markers.error().render(), HasSubstr("while reading '-m'"));
  auto keywords = select_tests(suite(), {"", "("}, {});
  ASSERT_FALSE(keywords);
  EXPECT_THAT(keywords.error().render(), HasSubstr("while reading '-k'"));
}

TEST(EffectiveMarkers, AddImpliedOnesOnce) {
  nestbox::Test test = make("a", {"vm", "mine"});
  test.needs.nested = true;
  test.needs.network = NetworkAccess::user;
  EXPECT_THAT(effective_markers(test), ElementsAre("vm", "mine", "network", "nested"));
}

}  // namespace
}  // namespace nestbox
