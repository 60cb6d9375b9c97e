#include "harness/env/own_address.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

constexpr const char* k_container_routes =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";

constexpr const char* k_container_addresses = R"(Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.0
           /16 link UNICAST
        |-- 172.17.0.2
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
)";

TEST(OwnAddress, IsThatOnTheNetworkThatLeadsOut) {
  EXPECT_EQ(find_own_address({}, k_container_routes, k_container_addresses), "172.17.0.2");
}

TEST(OwnAddress, IsNotThatOfABridgeOfItsOwn) {
  const std::string routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                             "ens5\t00000000\t01001FAC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                             "docker0\t00000000\t010011AC\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
                             "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
                             "ens5\t00001FAC\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n";
  const std::string addresses =
      "|-- 172.17.0.1\n /32 host LOCAL\n|-- 172.31.5.9\n /32 host LOCAL\n";
  EXPECT_EQ(find_own_address({}, routes, addresses), "172.31.5.9");
}

TEST(OwnAddress, IsTheOnlyOneWhereNothingLeadsOut) {
  EXPECT_EQ(find_own_address({}, "", k_container_addresses), "172.17.0.2");
  EXPECT_EQ(find_own_address({}, "", ""), std::nullopt);
  EXPECT_EQ(find_own_address({}, k_container_routes, ""), std::nullopt);
}

TEST(OwnAddress, IsThatByWhichItsMakerKnowsIt) {
  const std::string routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                             "eth1\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
                             "eth1\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  const std::string addresses = "|-- 10.0.2.15\n /32 host LOCAL\n|-- 10.90.0.3\n /32 host LOCAL\n";
  EXPECT_EQ(find_own_address({}, routes, addresses), "10.0.2.15");
  EXPECT_EQ(find_own_address({"10.90.0.3", "10.0.2.15"}, routes, addresses), "10.90.0.3");
  EXPECT_EQ(find_own_address({"203.0.113.9"}, routes, addresses), "10.0.2.15");
}

}  // namespace
}  // namespace nestbox
