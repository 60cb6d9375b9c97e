// An impairment from anywhere: it is refused as a mistake in usage, or it is what its own text
// says.
#include <cstdint>
#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/net/impairment.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nestbox;
  try {
    const Impairment impairment = parse_impairment({reinterpret_cast<const char*>(data), size});
    if (parse_impairment(to_string(impairment)) != impairment)
      std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::usage)
      std::abort();
  }
  return 0;
}
