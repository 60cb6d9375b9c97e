#include "harness/net/frame.hpp"

#include <arpa/inet.h>

namespace nestbox {

using namespace std::string_view_literals;

std::size_t FrameView::packet_size() const {
  constexpr std::string_view k_customer_tag = "\x81\x00"sv;
  constexpr std::string_view k_service_tag = "\x88\xa8"sv;
  constexpr std::size_t k_tag = 4;
  const std::string_view frame = bytes();
  std::size_t header = k_smallest_frame;
  while (header + k_tag <= frame.size()) {
    const std::string_view type = frame.substr(header - 2, 2);
    if (type != k_customer_tag && type != k_service_tag)
      break;
    header += k_tag;
  }
  return frame.size() - header;
}

std::string frame_in_stream(std::string_view frame) {
  const std::uint32_t size = htonl(static_cast<std::uint32_t>(frame.size()));
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes.append(frame);
}

std::optional<FrameView> FrameSplitter::next() {
  if (m_malformed || m_rest.size() < k_frame_prefix)
    return std::nullopt;
  std::uint32_t in_network_order = 0;
  std::memcpy(&in_network_order, m_rest.data(), sizeof in_network_order);
  const std::size_t size = ntohl(in_network_order);
  m_malformed = size < k_smallest_frame || size > k_largest_frame;
  if (m_malformed || m_rest.size() < k_frame_prefix + size)
    return std::nullopt;
  const FrameView frame(m_rest.substr(0, k_frame_prefix + size));
  m_rest.remove_prefix(k_frame_prefix + size);
  return frame;
}

}  // namespace nestbox
