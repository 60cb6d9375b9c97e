#include "vmdrivers/docker/outgoing_bytes.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace nestbox::docker {

bool OutgoingBytes::flush() {
  while (!m_bytes.empty()) {
    const ssize_t count = ::send(m_socket, m_bytes.data(), m_bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errno == EAGAIN;
    m_bytes.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<std::string_view> read_some(int socket, Piece& buffer) {
  const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (count > 0)
    return std::string_view(buffer.data(), static_cast<std::size_t>(count));
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return std::string_view();
  return std::nullopt;
}

pollfd relay_entry(int socket, const OutgoingBytes& own, const OutgoingBytes& other) {
  const int events = (own.empty() ? 0 : POLLOUT) | (other.empty() ? POLLIN : 0);
  return {events ? socket : -1, static_cast<short>(events), 0};
}

}  // namespace nestbox::docker
