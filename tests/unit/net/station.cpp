#include "tests/unit/net/station.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "harness/net/frame.hpp"

namespace nestbox::testing {

MacAddress mac(std::uint8_t last) {
  return {{2, 0, 0, 0, 0, last}};
}

std::string ethernet(const MacAddress& to, const MacAddress& from, std::string_view payload) {
  constexpr std::string_view k_experimental = "\x88\xb5";
  std::string frame;
  for (const MacAddress& address : {to, from})
    frame.append(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size());
  return frame.append(k_experimental).append(payload);
}

void Station::send(std::string_view frame) const {
  send_bytes(frame_in_stream(frame));
}

void Station::send_bytes(std::string_view in_stream) const {
  while (!in_stream.empty()) {
    const ssize_t sent = ::send(m_socket.get(), in_stream.data(), in_stream.size(), MSG_NOSIGNAL);
    if (sent < 0)
      return;  // cut off
    in_stream.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string Station::receive() {
  const std::vector<std::string> frames = receive(1, patience());
  if (frames.empty()) {
    ADD_FAILURE() << "no frame came";
    return {};
  }
  return frames[0];
}

std::vector<std::string> Station::receive(std::size_t count, Deadline deadline) {
  std::vector<std::string> frames;
  while (true) {
    FrameSplitter splitter(m_unread);
    while (frames.size() < count) {
      const auto frame = splitter.next();
      if (!frame)
        break;
      frames.emplace_back(frame->bytes());
    }
    m_unread = std::string(splitter.rest());
    if (frames.size() == count || wait_readable(m_socket.get(), deadline) != Wait::ready
        || !read_some(0))
      return frames;
  }
}

std::vector<std::string> Station::received() {
  while (read_some(MSG_DONTWAIT)) {
  }
  std::vector<std::string> frames;
  FrameSplitter splitter(m_unread);
  while (const auto frame = splitter.next())
    frames.emplace_back(frame->bytes());
  m_unread = std::string(splitter.rest());
  return frames;
}

bool Station::ends() const {
  std::array<char, 4096> ignored{};
  while (wait_readable(m_socket.get(), patience()) == Wait::ready) {
    if (::recv(m_socket.get(), ignored.data(), ignored.size(), 0) <= 0)
      return true;
  }
  return false;
}

bool Station::read_some(int flags) {
  std::array<char, 65536> piece{};
  const ssize_t got = ::recv(m_socket.get(), piece.data(), piece.size(), flags);
  if (got > 0)
    m_unread.append(piece.data(), static_cast<std::size_t>(got));
  return got > 0;
}

}  // namespace nestbox::testing
