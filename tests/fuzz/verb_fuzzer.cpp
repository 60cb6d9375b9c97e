// Foreign bytes through the verb protocol, both ways: messages come out the same however the bytes
// were cut, and what was understood is what its own encoding is understood as.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "harness/guest/verb_protocol.hpp"

namespace {

using namespace nestbox;

void require(bool condition) {
  if (!condition)
    std::abort();
}

/// Each message by its own encoding, and the reason why no more came.
struct Understood {
  std::string bytes;
  std::string_view problem;

  bool operator==(const Understood&) const = default;
};

Understood understand(VerbDecoder::Sender sender, std::string_view bytes, std::size_t step) {
  VerbDecoder decoder(sender);
  Understood understood;
  while (true) {
    while (const auto message = decoder.next())
      std::visit([&](const auto& value) { append(understood.bytes, value); }, *message);
    if (!decoder.sound()) {
      understood.problem = decoder.problem();
      return understood;
    }
    if (bytes.empty())
      return understood;
    const FrameDecoder::Space space = decoder.space();
    require(space.size > 0);
    const std::size_t size = std::min({bytes.size(), space.size, step});
    std::memcpy(space.data, bytes.data(), size);
    decoder.filled(size);
    bytes.remove_prefix(size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto sender : {VerbDecoder::Sender::caller, VerbDecoder::Sender::host}) {
    const Understood whole = understand(sender, bytes, SIZE_MAX);
    require(understand(sender, bytes, 13) == whole);
    // Garbage behind the last message is no part of it.
    require(understand(sender, whole.bytes, SIZE_MAX) == Understood{whole.bytes, {}});
  }
  return 0;
}
