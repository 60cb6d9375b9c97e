#include "harness/base/units.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

using namespace std::chrono_literals;

TEST(ParseBytes, ReadsBinaryUnitsWithOrWithoutI) {
  EXPECT_EQ(parse_bytes("4096").value(), Bytes{4096});
  EXPECT_EQ(parse_bytes("17B").value(), Bytes{17});
  EXPECT_EQ(parse_bytes("64kB").value(), kibibytes(64));
  EXPECT_EQ(parse_bytes("512M").value(), mebibytes(512));
  EXPECT_EQ(parse_bytes("256MiB").value(), mebibytes(256));
  EXPECT_EQ(parse_bytes("1.5GiB").value(), mebibytes(1536));
  EXPECT_EQ(parse_bytes("256 MiB").value(), mebibytes(256));
  EXPECT_EQ(parse_bytes("2T").value(), gibibytes(2048));
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text : {"", "MiB", "-1", "1.5", "1.5B", "1.MiB", "1 2", "12q", "1MiBs", "0x10",
                           "1e3", " 1", "1  MiB", "1.1234567GiB", "+1"}) {
    const Result<Bytes> size = parse_bytes(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, ErrorCode::definition) << text;
    EXPECT_NE(size.error().message.find("'" + std::string(text) + "'"), std::string::npos);
  }
}

TEST(ParseBytes, RefusesWhatOverflows) {
  EXPECT_FALSE(parse_bytes("18446744073709551616"));
  EXPECT_FALSE(parse_bytes("16777216TiB"));
  EXPECT_EQ(parse_bytes("18446744073709551615").value().count, UINT64_MAX);
}

TEST(FormatBytes, TakesFourCharactersAtMost) {
  EXPECT_EQ(format_bytes({0}), "0 B");
  EXPECT_EQ(format_bytes({17}), "17 B");
  EXPECT_EQ(format_bytes({1023}), "1023 B");
  EXPECT_EQ(format_bytes(kibibytes(12)), "12 KiB");
  EXPECT_EQ(format_bytes(mebibytes(256)), "256 MiB");
  EXPECT_EQ(format_bytes(mebibytes(1536)), "1.5 GiB");
  EXPECT_EQ(format_bytes({(1 << 20) - 1}), "1 MiB");
  EXPECT_EQ(format_bytes({99 * 1024 + 1000}), "100 KiB");
  EXPECT_EQ(format_bytes({UINT64_MAX}), "16777216 TiB");
}

TEST(ParseDuration, ReadsUnitsFromLargeToSmall) {
  EXPECT_EQ(parse_duration("90s").value(), 90s);
  EXPECT_EQ(parse_duration("2m").value(), 2min);
  EXPECT_EQ(parse_duration("1h30m").value(), 90min);
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
  EXPECT_EQ(parse_duration("0s").value(), 0ms);
  EXPECT_EQ(parse_duration("1m1s1ms").value(), 61001ms);
}

TEST(ParseDuration, RefusesTheRest) {
  for (const char* text : {"", "5", "s", "-5s", "5 s", "30m1h", "1m1m", "1.5h30m", "1s5", "9000h",
                           "99999999999999999999s", "1y"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(FormatDuration, SuitsAPerson) {
  EXPECT_EQ(format_duration(250ms), "250 ms");
  EXPECT_EQ(format_duration(1420ms), "1.4 s");
  EXPECT_EQ(format_duration(59'949ms), "59.9 s");
  EXPECT_EQ(format_duration(59'950ms), "1 m 00 s");
  EXPECT_EQ(format_duration(125s), "2 m 05 s");
  EXPECT_EQ(format_duration(3780s), "1 h 03 m");
  EXPECT_EQ(format_duration(-5s), "0 ms");
}

TEST(CanonicalDuration, IsReadBackAsItself) {
  EXPECT_EQ(canonical_duration(250ms), "250ms");
  EXPECT_EQ(canonical_duration(1500ms), "1500ms");
  EXPECT_EQ(canonical_duration(90s), "90s");
  EXPECT_EQ(canonical_duration(5min), "5m");
  EXPECT_EQ(canonical_duration(90min), "1h30m");
  EXPECT_EQ(canonical_duration(2h), "2h");
  EXPECT_EQ(canonical_duration(0ms), "0s");
  for (const auto duration :
       {1ms, 999ms, 1000ms, 61'000ms, 3'600'000ms, 5'460'000ms, 123'456'789ms})
    EXPECT_EQ(parse_duration(canonical_duration(duration)).value(), duration);
}

}  // namespace
}  // namespace nestbox
