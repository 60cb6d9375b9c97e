#include "harness/guest/frame.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace nestbox {
namespace {

std::string frame_of(FrameType type, std::uint32_t stream, std::string_view payload) {
  std::string bytes;
  append_frame(bytes, type, stream, payload);
  return bytes;
}

/// Feeds `bytes` in pieces of `step` and collects the payloads that come out.
std::vector<std::string> decode(FrameDecoder& decoder, std::string_view bytes, std::size_t step) {
  std::vector<std::string> payloads;
  while (!bytes.empty()) {
    const FrameDecoder::Space space = decoder.space();
    const std::size_t size = std::min({step, bytes.size(), space.size});
    std::memcpy(space.data, bytes.data(), size);
    decoder.filled(size);
    bytes.remove_prefix(size);
    while (const auto frame = decoder.next())
      payloads.emplace_back(frame->payload);
  }
  return payloads;
}

TEST(Frame, HasTheseBytes) {
  const std::string bytes = frame_of(FrameType::pong, 0x01020304, "hi");
  EXPECT_EQ(
      bytes,
      std::string("nest\x01\x03\x00\x00\x04\x03\x02\x01\x02\x00\x00\x00\xA4\x35\xC6\x05hi", 22));
}

TEST(FrameDecoder, CutsFramesOutOfPiecesOfAnySize) {
  const std::string large(k_max_payload, 'x');
  const std::string bytes = frame_of(FrameType::input, 1, "one")
                            + frame_of(FrameType::tree, 2, large) + frame_of(FrameType::end, 3, "")
                            + frame_of(FrameType::input, 4, large)
                            + frame_of(FrameType::input, 5, large);
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{4096}, std::size_t{70'001}, bytes.size()}) {
    FrameDecoder decoder;
    EXPECT_EQ(decode(decoder, bytes, step),
              (std::vector<std::string>{"one", large, "", large, large}));
    EXPECT_EQ(decoder.skipped(), 0u);
  }
}

TEST(FrameDecoder, SkipsGarbageBeforeBetweenAndWithinFrames) {
  const std::string a = frame_of(FrameType::input, 1, "a");
  const std::string b = frame_of(FrameType::input, 2, "b");
  const std::string cut = frame_of(FrameType::input, 3, "cut off").substr(0, 15);
  FrameDecoder decoder;
  EXPECT_EQ(decode(decoder,
                   "nestnesting" + a + std::string(300'000, '\0') + "nest" + b + cut + a + b, 97),
            (std::vector<std::string>{"a", "b", "a", "b"}));
}

TEST(FrameDecoder, CountsWhatItSkippedSinceTheLastFrame) {
  FrameDecoder decoder;
  EXPECT_TRUE(decode(decoder, std::string(5000, 'z'), 1000).empty());
  EXPECT_GE(decoder.skipped(), 5000u - k_frame_header_size);
  EXPECT_EQ(decode(decoder, frame_of(FrameType::ping, 1, "p"), 1000).size(), 1u);
  EXPECT_EQ(decoder.skipped(), 0u);
}

TEST(FrameDecoder, RefusesHeadersOfOtherVersionsAndOfLongerPayloads) {
  std::string other_version = frame_of(FrameType::ping, 1, "p");
  other_version[4] = 2;
  char too_long[k_frame_header_size];
  encode_frame_header(FrameType::ping, 0, 1, k_max_payload + 1, too_long);
  FrameDecoder decoder;
  EXPECT_EQ(decode(decoder,
                   other_version + std::string(too_long, sizeof too_long)
                       + frame_of(FrameType::ping, 1, "good"),
                   64),
            std::vector<std::string>{"good"});
}

TEST(FrameDecoder, ForgetsAPartialFrameWhenReset) {
  FrameDecoder decoder;
  EXPECT_TRUE(
      decode(decoder, frame_of(FrameType::input, 1, std::string(1000, 'x')).substr(0, 500), 500)
          .empty());
  decoder.reset();
  EXPECT_EQ(decode(decoder, frame_of(FrameType::input, 1, "new"), 64),
            std::vector<std::string>{"new"});
}

}  // namespace
}  // namespace nestbox
