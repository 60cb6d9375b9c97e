#include "harness/net/frame.hpp"

#include <gtest/gtest.h>

#include "tests/unit/net/station.hpp"

namespace nestbox {
namespace {

using testing::ethernet;
using testing::mac;

TEST(Frame, KnowsItsAddresses) {
  const std::string bytes = frame_in_stream(ethernet(mac(1), mac(2)));
  const FrameView frame(bytes);
  EXPECT_EQ(frame.destination(), mac(1));
  EXPECT_EQ(frame.source(), mac(2));
  EXPECT_EQ(frame.bytes(), ethernet(mac(1), mac(2)));
}

TEST(Frame, CountsThePacketBehindItsTags) {
  using namespace std::string_literals;
  const auto packet = [](const std::string& types) {
    const std::string bytes = frame_in_stream(std::string(12, 'a') + types);
    return FrameView(bytes).packet_size();
  };
  EXPECT_EQ(packet("\x08\x00"s), 0U);
  EXPECT_EQ(packet("\x08\x00"s + std::string(1500, 'x')), 1500U);
  EXPECT_EQ(packet("\x81\x00\x00\x05\x08\x00"s + std::string(1500, 'x')), 1500U);
  EXPECT_EQ(packet("\x88\xa8\x00\x05\x81\x00\x00\x05\x08\x00"s + std::string(1500, 'x')), 1500U);
  EXPECT_EQ(packet("\x81\x00\x00"s), 1U);  // a tag that is cut short
}

TEST(FrameSplitter, FindsWholeFramesAndKeepsTheRest) {
  const std::string one = frame_in_stream(ethernet(mac(1), mac(2), "one"));
  const std::string two = frame_in_stream(ethernet(mac(1), mac(2), "two"));
  const std::string stream = one + two + one.substr(0, 9);
  FrameSplitter splitter(stream);
  EXPECT_EQ(splitter.next()->in_stream(), one);
  EXPECT_EQ(splitter.next()->in_stream(), two);
  EXPECT_FALSE(splitter.next());
  EXPECT_FALSE(splitter.malformed());
  EXPECT_EQ(splitter.rest(), one.substr(0, 9));
}

TEST(FrameSplitter, RefusesLengthsThatNoFrameHas) {
  const auto malformed = [](std::size_t size) {
    const std::string stream = frame_in_stream(std::string(size, 'x'));
    FrameSplitter splitter(stream);
    const bool found = splitter.next().has_value();
    EXPECT_NE(found, splitter.malformed()) << size;
    return splitter.malformed();
  };
  EXPECT_TRUE(malformed(0));
  EXPECT_TRUE(malformed(13));
  EXPECT_FALSE(malformed(14));
  EXPECT_FALSE(malformed(65553));
  EXPECT_TRUE(malformed(65554));
}

}  // namespace
}  // namespace nestbox
