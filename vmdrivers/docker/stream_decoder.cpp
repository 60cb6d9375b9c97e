#include "vmdrivers/docker/stream_decoder.hpp"

#include <algorithm>

namespace nestbox::docker {

bool StreamDecoder::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty() && !m_broken) {
    if (m_left > 0) {
      const std::size_t size = std::min<std::size_t>(m_left, bytes.size());
      sink(Stream(m_header[0]), bytes.substr(0, size));
      bytes.remove_prefix(size);
      m_left -= static_cast<std::uint32_t>(size);
      continue;
    }
    m_header[m_header_filled++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (m_header_filled < k_header_size)
      continue;
    m_header_filled = 0;
    for (std::size_t i = 4; i < k_header_size; ++i)
      m_left = m_left << 8 | m_header[i];
    m_broken = (m_header[0] != 1 && m_header[0] != 2) || m_header[1] || m_header[2] || m_header[3];
  }
  return !m_broken;
}

}  // namespace nestbox::docker
