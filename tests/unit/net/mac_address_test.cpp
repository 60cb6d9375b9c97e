#include "harness/net/mac_address.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(MacAddress, ReadsBackWhatItPrints) {
  const auto address = parse_mac_address("52:54:00:aB:Cd:0f");
  ASSERT_TRUE(address);
  EXPECT_EQ(to_string(*address), "52:54:00:ab:cd:0f");
  EXPECT_EQ(parse_mac_address(to_string(*address)).value(), *address);
}

TEST(MacAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "52:54:00:ab:cd", "52:54:00:ab:cd:0g", "52-54-00-ab-cd-0f",
                           "52:54:00:ab:cd:0f:", "52:54:00:ab:cd:+f", "5254:00:ab:cd:0f0"}) {
    const auto address = parse_mac_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().message, "'" + std::string(text) + "' is not a MAC address");
  }
}

TEST(MacAddress, TellsStationsFromGroups) {
  EXPECT_TRUE(parse_mac_address("52:54:00:00:00:01")->is_unicast());
  EXPECT_FALSE(parse_mac_address("ff:ff:ff:ff:ff:ff")->is_unicast());
  EXPECT_FALSE(parse_mac_address("01:80:c2:00:00:00")->is_unicast());
}

}  // namespace
}  // namespace nestbox
