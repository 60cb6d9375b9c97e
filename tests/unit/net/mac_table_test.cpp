#include "harness/net/mac_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/station.hpp"

namespace nestbox {
namespace {

using std::chrono::seconds;
using testing::mac;

MacAddress made_up(std::size_t number) {
  return {{2, 1, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

TEST(MacTable, FindsAStationWhereItWasSeenLast) {
  MacTable table;
  EXPECT_EQ(table.find(mac(1), seconds(0)), std::nullopt);
  table.learn(mac(1), 3, seconds(0));
  EXPECT_EQ(table.find(mac(1), seconds(1)), 3U);
  table.learn(mac(1), 4, seconds(2));
  EXPECT_EQ(table.find(mac(1), seconds(2)), 4U);
}

TEST(MacTable, ForgetsASilentStationAfterFiveMinutes) {
  MacTable table;
  table.learn(mac(1), 0, seconds(0));
  table.learn(mac(2), 0, seconds(0));
  table.learn(mac(2), 0, seconds(200));
  EXPECT_EQ(table.find(mac(1), seconds(300)), 0U);
  EXPECT_EQ(table.find(mac(1), seconds(301)), std::nullopt);
  EXPECT_THAT(table.stations(seconds(301)), ::testing::ElementsAre(MacTable::Station{mac(2), 0}));
}

TEST(MacTable, DoesNotLearnGroups) {
  MacTable table;
  table.learn(testing::k_broadcast, 0, seconds(0));
  EXPECT_THAT(table.stations(seconds(0)), ::testing::IsEmpty());
}

TEST(MacTable, LetsNoLinkCrowdOutTheOthers) {
  MacTable table;
  for (std::size_t i = 0; i < 2000; ++i)
    table.learn(made_up(i), 0, seconds(0));
  EXPECT_EQ(table.stations(seconds(0)).size(), MacTable::k_most_stations);
  table.learn(mac(9), 1, seconds(0));
  EXPECT_EQ(table.find(mac(9), seconds(0)), 1U);
  // Room that aged stations leave is taken again.
  table.learn(made_up(1999), 0, seconds(400));
  EXPECT_EQ(table.find(made_up(1999), seconds(400)), 0U);
}

TEST(MacTable, CountsAStationThatMovesOnce) {
  MacTable table;
  for (std::size_t i = 0; i < 3 * MacTable::k_most_stations; ++i)
    table.learn(mac(1), i % 2, seconds(0));
  for (std::size_t i = 0; i < MacTable::k_most_stations - 1; ++i)
    table.learn(made_up(i), 1, seconds(0));
  EXPECT_EQ(table.stations(seconds(0)).size(), MacTable::k_most_stations);
}

TEST(MacTable, ForgetsALinkWithItsStations) {
  MacTable table;
  table.learn(mac(1), 0, seconds(0));
  table.learn(mac(2), 1, seconds(0));
  table.forget(0);
  EXPECT_EQ(table.find(mac(1), seconds(0)), std::nullopt);
  EXPECT_EQ(table.find(mac(2), seconds(0)), 1U);
}

}  // namespace
}  // namespace nestbox
