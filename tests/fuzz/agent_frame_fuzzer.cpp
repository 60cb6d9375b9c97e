// Foreign bytes through the agent protocol: frames come out whole and once however the bytes were
// cut, and every message that decodes is what its own encoding decodes to.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "harness/guest/agent_protocol.hpp"

namespace {

using namespace nestbox;

void require(bool condition) {
  if (!condition)
    std::abort();
}

void check_messages(std::string_view payload) {
  if (const auto message = decode_hello(payload))
    require(decode_hello(encode(*message)) == message);
  if (const auto message = decode_run(payload))
    require(decode_run(encode(*message)) == message && !message->argv.empty());
  if (const auto message = decode_exit(payload))
    require(encode(*message) == payload);
  if (const auto message = decode_thaw(payload))
    require(encode(*message) == payload);
  if (const auto message = decode_error(payload))
    require(encode(*message) == payload);
  if (const auto size = decode_resize(payload))
    require(encode_resize(*size) == payload);
  if (const auto bytes = decode_credit(payload))
    require(encode_credit(*bytes) == payload);
}

std::vector<std::string> frames_of(std::string_view bytes, std::size_t step) {
  std::vector<std::string> frames;
  FrameDecoder decoder;
  while (!bytes.empty()) {
    const FrameDecoder::Space space = decoder.space();
    require(space.size > 0);
    const std::size_t size = std::min({bytes.size(), space.size, step});
    std::memcpy(space.data, bytes.data(), size);
    decoder.filled(size);
    bytes.remove_prefix(size);
    while (const auto frame = decoder.next()) {
      check_messages(frame->payload);
      append_frame(frames.emplace_back(), frame->type, frame->stream, frame->payload, frame->flags);
    }
  }
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_messages(bytes);
  require(frames_of(bytes, SIZE_MAX) == frames_of(bytes, 13));
  // Whatever came before, a frame long enough after it is found again.
  std::string tail;
  append_frame(tail, FrameType::ping, 7, "found");
  const auto frames = frames_of(
      std::string(bytes) + std::string(k_max_payload + k_frame_header_size, '\0') + tail, 4096);
  require(!frames.empty() && frames.back() == tail);
  return 0;
}
