#include "runner/docker_machine/loopback_address.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

constexpr int k_attempts = 1000;

std::string random_address() {
  std::array<std::uint8_t, 2> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw system_error("cannot get random bytes", errno);
  return fmt::format("127.90.{}.{}", bytes[0], bytes[1]);
}

/// A name of a unix socket that is in no directory: there is one for each network namespace, as
/// there is of the loopback, and it is free again when its holder ends, however that ends. None
/// when it is taken.
FileDescriptor claim(const std::string& text) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = "nestbox/" + text;
  path.copy(name.sun_path + 1, sizeof name.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0)
    return socket;
  if (errno != EADDRINUSE)
    throw system_error("cannot claim an address of the loopback", errno);
  return {};
}

}  // namespace

LoopbackAddress::LoopbackAddress() {
  for (int attempt = 0; attempt < k_attempts && !m_claim; ++attempt) {
    m_text = random_address();
    m_claim = claim(m_text);
  }
  if (!m_claim)
    throw Error(ErrorCode::infrastructure, "all addresses of the loopback seem to be taken",
                "remove some docker machines");
}

}  // namespace nestbox
