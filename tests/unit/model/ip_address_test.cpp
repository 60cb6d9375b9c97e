#include "harness/model/ip_address.hpp"

#include <gtest/gtest.h>

#include "harness/model/address_pool.hpp"

namespace nestbox {
namespace {

IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}

IpSubnet subnet(std::string_view text) {
  return parse_ip_subnet(text).value();
}

TEST(IpAddress, IsReadAndPrinted) {
  for (const char* text : {"0.0.0.0", "10.90.0.1", "255.255.255.255", "::", "fd00:90::1"})
    EXPECT_EQ(to_string(address(text)), text);
  EXPECT_EQ(to_string(address("FD00:0:0:0::1")), "fd00::1");
  for (const char* text : {"", "10.90.0", "10.90.0.256", "10.90.0.1 ", "fd00::1%eth0", "fd00:::1"})
    EXPECT_FALSE(parse_ip_address(text)) << text;
  EXPECT_FALSE(parse_ip_address(std::string_view("10.0.0.1\0x", 10)));
}

TEST(IpSubnet, IsReadAndPrinted) {
  for (const char* text : {"10.90.0.0/24", "0.0.0.0/0", "10.90.0.7/32", "fd00::/64", "fd00::1/128"})
    EXPECT_EQ(to_string(subnet(text)), text);
  for (const char* text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                           "fd00::/129", "10.0.0.0/8x"})
    EXPECT_FALSE(parse_ip_subnet(text)) << text;
}

TEST(IpSubnet, KnowsItsAddresses) {
  EXPECT_EQ(to_string(subnet("10.90.3.7/22").first()), "10.90.0.0");
  EXPECT_EQ(to_string(subnet("10.90.3.7/22").last()), "10.90.3.255");
  EXPECT_EQ(to_string(subnet("fd00::/126").last()), "fd00::3");
  EXPECT_TRUE(subnet("10.90.0.0/22").contains(address("10.90.3.255")));
  EXPECT_FALSE(subnet("10.90.0.0/22").contains(address("10.90.4.0")));
  EXPECT_FALSE(subnet("0.0.0.0/0").contains(address("::")));
  EXPECT_EQ(subnet("10.0.0.0/30").hosts(), 2U);
  EXPECT_EQ(subnet("10.0.0.0/8").hosts(), (1U << 24) - 2);
  EXPECT_EQ(subnet("10.0.0.0/31").hosts(), 0U);
  EXPECT_EQ(subnet("fd00::/126").hosts(), 3U);
  EXPECT_EQ(subnet("fd00::/16").hosts(), (1U << 31) - 1);
  EXPECT_EQ(to_string(subnet("10.0.0.0/8").host(256)), "10.0.1.0");
  EXPECT_EQ(to_string(subnet("fd00::ff00/120").host(255)), "fd00::ffff");
}

TEST(IpSubnet, OverlapsWithWhatLiesWithinIt) {
  EXPECT_TRUE(subnet("10.0.0.0/8").overlaps(subnet("10.90.0.0/24")));
  EXPECT_TRUE(subnet("10.90.0.0/24").overlaps(subnet("10.0.0.0/8")));
  EXPECT_FALSE(subnet("10.90.0.0/24").overlaps(subnet("10.90.1.0/24")));
  EXPECT_FALSE(subnet("0.0.0.0/0").overlaps(subnet("::/0")));
}

TEST(AddressPool, GivesTheLowestThatIsFree) {
  AddressPool pool(subnet("10.3.0.0/29"));
  EXPECT_EQ(pool.take(address("10.3.0.2"), "b"), "");
  EXPECT_EQ(to_string(pool.take_next("a").value()), "10.3.0.1");
  EXPECT_EQ(to_string(pool.take_next("c").value()), "10.3.0.3");
  for (int i = 4; i <= 6; ++i)
    EXPECT_TRUE(pool.take_next("more"));
  EXPECT_FALSE(pool.take_next("too many"));
}

TEST(AddressPool, SaysWhyAnAddressCannotBeGiven) {
  AddressPool pool(subnet("10.3.0.0/29"));
  EXPECT_EQ(pool.take(address("10.3.0.8"), "a"), "is outside of 10.3.0.0/29");
  EXPECT_EQ(pool.take(address("10.3.0.0"), "a"), "is the address of the network itself");
  EXPECT_EQ(pool.take(address("10.3.0.7"), "a"), "is the broadcast address of 10.3.0.0/29");
  EXPECT_EQ(pool.take(address("10.3.0.1"), "a"), "");
  EXPECT_EQ(pool.take(address("10.3.0.1"), "b"), "is given to machine 'a' already");
}

TEST(AddressPool, ChoosesNoSubnetWhereAllOverlap) {
  EXPECT_EQ(choose_subnet(3, {}), subnet("10.90.3.0/24"));
  EXPECT_EQ(choose_subnet(3, {subnet("10.90.3.0/24")}), subnet("10.90.4.0/24"));
  EXPECT_FALSE(choose_subnet(0, {subnet("10.0.0.0/8")}));
}

}  // namespace
}  // namespace nestbox
