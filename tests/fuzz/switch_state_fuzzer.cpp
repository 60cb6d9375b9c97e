// A switch's state from anywhere: it is refused as corrupt, or it is what its own encoding reads.
#include <cstdint>
#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/net/switch_fabric.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nestbox;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const SwitchState state = decode_switch_state(bytes);
    if (encode(state) != bytes)
      std::abort();
    SwitchFabric fabric("net", 1);
    fabric.restore(state, {});
    fabric.advance(std::chrono::hours(48));
    if (fabric.next_arrival())
      std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::corrupt)
      std::abort();
  }
  return 0;
}
