#include "harness/env/machine_identity.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "harness/base/error.hpp"
#include "harness/model/name_rules.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_entropy_size = 64;

template <std::size_t Size>
std::array<unsigned char, Size> random_bytes() {
  std::array<unsigned char, Size> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0)
    throw system_error("cannot get random bytes", errno);
  return bytes;
}

}  // namespace

Identity fresh_identity(std::string_view name) {
  Identity identity;
  identity.hostname = hostname_from(name);
  for (const unsigned char byte : random_bytes<16>())
    identity.machine_id += fmt::format("{:02x}", byte);
  for (const unsigned char byte : random_bytes<k_entropy_size>())
    identity.entropy += static_cast<char>(byte);
  identity.realtime = std::chrono::system_clock::now().time_since_epoch();
  return identity;
}

Identity identity_of(const MachineOptions& options) {
  return options.identity ? *options.identity : fresh_identity(options.name);
}

}  // namespace nestbox
