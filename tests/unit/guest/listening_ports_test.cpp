#include "harness/guest/listening_ports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::ElementsAre;

TEST(ListeningPorts, AreThoseThatOthersReach) {
  const std::string tables =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n"
      "   0: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"
      "  12: 01005A0A:1F91 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"
      "   2: 0100007F:1F92 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"  // of the loopback
      "   3: 00000000:1F93 00000000:0000 01 0:0 0:0 0 0 0 1 1\n"  // connected
      "   4: 0202000A:1F94 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"  // of another address
      "   5: 00000000000000000000000000000000:1F95 0:0 0A 0:0 0\n"
      "   6: 00000000000000000000000001000000:1F96 0:0 0A 0:0 0\n"  // ::1
      "   7: 0000000000000000FFFF00000100007F:1F97 0:0 0A 0:0 0\n"
      "   8: 0000000000000000FFFF000001005A0A:1F98 0:0 0A 0:0 0\n"
      "   9: 00000000:0000 0:0 0A\n"
      "  10: 00000000 0:0 0A\n"
      "  11: 00000000:ZZZZ 0:0 0A\n";
  EXPECT_THAT(listening_ports(tables, "10.90.0.1"), ElementsAre(8080, 8081, 8085, 8088));
}

}  // namespace
}  // namespace nestbox
