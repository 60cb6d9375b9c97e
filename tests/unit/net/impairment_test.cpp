#include "harness/net/impairment.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

TEST(Impairment, IsReadWordByWord) {
  const Impairment all = {true, 20ms, 1500us, 0.1, 0.01, 0.055, 10'500'000, 1400};
  EXPECT_EQ(parse_impairment("down latency=20ms jitter=1.5ms loss=10% duplicate=1% reorder=5.5% "
                             "rate=10.5mbit mtu=1400"),
            all);
  EXPECT_EQ(parse_impairment("  mtu=1400  latency=20ms"),
            (Impairment{.latency = 20ms, .mtu = 1400}));
  EXPECT_EQ(parse_impairment("none"), Impairment{});
  EXPECT_EQ(parse_impairment("loss=100%").loss, 1);
}

TEST(Impairment, IsPrintedAsItIsRead) {
  for (const char* text :
       {"none", "down", "latency=20ms", "latency=1500us jitter=1ns", "loss=7%", "loss=33.3%",
        "loss=0.00001%", "duplicate=100%", "latency=1s reorder=29%", "rate=1gbit", "rate=1500kbit",
        "rate=1001bit",
        "down latency=3600s jitter=2ms loss=0.1% duplicate=0.3% rate=64kbit mtu=68"})
    EXPECT_EQ(to_string(parse_impairment(text)), text);
}

TEST(Impairment, KeepsEveryPercentageWhenReadBack) {
  for (int tenths = 0; tenths <= 1000; ++tenths) {
    const double share = std::stod(std::to_string(tenths) + "e-1") / 100;
    EXPECT_EQ(parse_impairment(to_string({.down = true, .loss = share})).loss, share);
  }
}

std::string complaint(std::string_view text) {
  try {
    return "accepted: " + to_string(parse_impairment(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::usage);
    return error.message + (error.hint.empty() ? "" : " (" + error.hint + ")");
  }
}

TEST(Impairment, SaysWhatIsWrongAndWhatToWrite) {
  EXPECT_EQ(complaint("latncy=20ms"), "'latncy' is no impairment (did you mean 'latency'?)");
  EXPECT_EQ(complaint("speed=1"),
            "'speed' is no impairment (there are: latency, jitter, loss, duplicate, reorder, rate, "
            "mtu, down, none)");
  EXPECT_EQ(complaint("latency=20"),
            "'latency=20' is not a duration (write 'latency=20ms'; units: ns us ms s)");
  EXPECT_EQ(complaint("latency=-1ms"),
            "'latency=-1ms' is not a duration (write 'latency=20ms'; units: ns us ms s)");
  EXPECT_EQ(complaint("loss=0.1"), "'loss=0.1' is not a percentage (write 'loss=10%')");
  EXPECT_EQ(complaint("rate=10mb"), "'rate=10mb' is not a rate (write 'rate=10mbit'; units: bit "
                                    "kbit mbit gbit (a second))");
  EXPECT_EQ(complaint("mtu=1.5"), "'mtu=1.5' is not a number of bytes (write 'mtu=1400')");
  EXPECT_EQ(complaint("latency"), "'latency' needs a value (like 'latency=20ms', 'loss=10%', "
                                  "'rate=10mbit', 'mtu=1400')");
  EXPECT_EQ(complaint("down=yes"), "'down' takes no value");
  EXPECT_EQ(complaint("loss=1% loss=2%"), "'loss' is given twice");
  EXPECT_EQ(complaint("none down"), "'none' stands alone");
  EXPECT_EQ(complaint(" "),
            "no impairment is given (like 'latency=20ms loss=10%'; 'none' takes all away)");
}

TEST(Impairment, HasBounds) {
  EXPECT_EQ(complaint("latency=3601s"), "latency is out of its bounds (it may be 0 to 3600s)");
  EXPECT_EQ(complaint("latency=99999999999999999999s"),
            "latency is out of its bounds (it may be 0 to 3600s)");
  EXPECT_EQ(complaint("loss=101%"), "loss is out of its bounds (it may be 0% to 100%)");
  EXPECT_EQ(complaint("rate=1bit"), "rate is out of its bounds (it may be 1kbit to 1000gbit)");
  EXPECT_EQ(complaint("mtu=67"), "mtu is out of its bounds (it may be 68 to 65535)");
  EXPECT_EQ(complaint("reorder=5%"),
            "reordering needs a latency, for there is nothing to overtake (write 'latency=10ms "
            "reorder=5%')");
  EXPECT_THROW(validate({.loss = std::stod("nan")}), Error);
}

}  // namespace
}  // namespace nestbox
