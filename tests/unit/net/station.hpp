#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/net/mac_address.hpp"

namespace nestbox::testing {

constexpr MacAddress k_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/// 02:00:00:00:00:NN
MacAddress mac(std::uint8_t last);

/// An Ethernet frame of a private type, without its length.
std::string ethernet(const MacAddress& to, const MacAddress& from, std::string_view payload = "hi");

/// The machine at the end of a link.
class Station {
public:
  explicit Station(FileDescriptor socket) : m_socket(std::move(socket)) {}

  void send(std::string_view frame) const;
  void send_bytes(std::string_view in_stream) const;

  /// The next frame. Fails the test when none comes in time.
  std::string receive();
  /// So many frames, or fewer when the deadline comes first.
  std::vector<std::string> receive(std::size_t count, Deadline deadline);
  /// What has come already.
  std::vector<std::string> received();

  /// Whether the switch has closed the link; waits for it.
  bool ends() const;
  void leave() { m_socket.close(); }
  int socket() const { return m_socket.get(); }

private:
  bool read_some(int flags);

  FileDescriptor m_socket;
  std::string m_unread;
};

/// Long enough for a loaded host.
inline Deadline patience() {
  return Deadline::after(std::chrono::seconds(30));
}

}  // namespace nestbox::testing
