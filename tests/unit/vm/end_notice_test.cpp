#include "harness/vm/end_notice.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace nestbox {
namespace {

TEST(EndNotice, TellsOnce) {
  EndNotice notice([] { return Condition::stopped; });
  std::vector<Condition> told;
  notice.on_end([&](Condition condition) { told.push_back(condition); });
  EXPECT_TRUE(told.empty());
  notice.announce();
  notice.announce();
  EXPECT_EQ(told, std::vector{Condition::stopped});
}

TEST(EndNotice, TellsWhoAsksAfterTheEndAtOnce) {
  EndNotice notice([] { return Condition::lost; });
  notice.announce();
  std::vector<Condition> told;
  notice.on_end([&](Condition condition) { told.push_back(condition); });
  EXPECT_EQ(told, std::vector{Condition::lost});
}

TEST(EndNotice, TellsNobodyOfAnEndThatWasAskedFor) {
  EndNotice notice([] { return std::optional<Condition>(); });
  bool told = false;
  notice.on_end([&](Condition) { told = true; });
  notice.announce();
  EXPECT_FALSE(told);
}

TEST(EndNotice, TellsOnlyTheLastHandler) {
  EndNotice notice([] { return Condition::panicked; });
  int former = 0;
  notice.on_end([&](Condition) { ++former; });
  notice.on_end({});
  notice.announce();
  EXPECT_EQ(former, 0);
}

}  // namespace
}  // namespace nestbox
