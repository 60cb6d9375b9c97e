#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "harness/guest/listening_ports.hpp"

using namespace nestbox;

/// What a machine says that its tables of sockets are: ports that can be listened on, and no others
/// once they are written down again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::set<int> ports =
      listening_ports({reinterpret_cast<const char*>(data), size}, "10.90.0.1");
  std::string tables;
  for (const int port : ports) {
    if (port < 1 || port > 65535)
      std::abort();
    tables += fmt::format("0: 00000000:{:04X} 00000000:0000 0A\n", port);
  }
  if (listening_ports(tables, "10.90.0.1") != ports)
    std::abort();
  return 0;
}
