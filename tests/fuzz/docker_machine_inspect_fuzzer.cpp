#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/base/error.hpp"
#include "vmdrivers/docker_machine/commands.hpp"

using namespace nestbox;

/// What docker-machine's `inspect` might print: an endpoint that can be connected to, or
/// Error(corrupt).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<SshEndpoint> endpoint =
      docker_machine::parse_inspect({reinterpret_cast<const char*>(data), size});
  const bool sound = endpoint ? !endpoint->address.empty() && !endpoint->user.empty()
                                    && endpoint->port >= 1 && endpoint->port <= 65535
                              : endpoint.error().code == ErrorCode::corrupt;
  if (!sound)
    std::abort();
  return 0;
}
