#pragma once

#include <poll.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace nestbox::docker {

/// Bytes on their way to a non-blocking socket that may take them or not.
class OutgoingBytes {
public:
  explicit OutgoingBytes(int socket) : m_socket(socket) {}

  void add(std::string_view bytes) { m_bytes += bytes; }
  void drop() { m_bytes.clear(); }
  bool empty() const noexcept { return m_bytes.empty(); }

  /// False when nobody is there to take them any more.
  bool flush();

private:
  int m_socket;
  std::string m_bytes;
};

/// What one read of a relay takes.
using Piece = std::array<char, 64 * 1024>;

/// What is there; nothing at the end, empty when there is none yet.
std::optional<std::string_view> read_some(int socket, Piece& buffer);

/// One side of a relay, for poll(2): each is read only when what it said last has gone on (`other`
/// is empty). One that is of no interest must not be asked at all, for an end is told whether asked
/// for or not.
pollfd relay_entry(int socket, const OutgoingBytes& own, const OutgoingBytes& other);

}  // namespace nestbox::docker
