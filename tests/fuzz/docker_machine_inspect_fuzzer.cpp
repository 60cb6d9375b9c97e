#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/base/error.hpp"
#include "vmdrivers/docker_machine/commands.hpp"

using namespace nestbox;

/// What docker-machine's `inspect` might print: an endpoint that can be connected to, or
/// Error(corrupt).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<docker_machine::Description> described =
      docker_machine::parse_inspect({reinterpret_cast<const char*>(data), size});
  const auto can_be_entered = [](const SshEndpoint& endpoint) {
    return !endpoint.address.empty() && !endpoint.user.empty() && endpoint.port >= 1
           && endpoint.port <= 65535;
  };
  const bool sound = described ? can_be_entered(described->endpoint)
                               : described.error().code == ErrorCode::corrupt;
  if (!sound)
    std::abort();
  return 0;
}
