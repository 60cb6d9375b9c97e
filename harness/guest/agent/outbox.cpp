#include "harness/guest/agent/outbox.hpp"

#include <unistd.h>

#include <cerrno>

namespace nestbox::agent {

void Outbox::add(FrameType type, std::uint32_t stream, std::string_view payload) {
  append_frame(m_bytes, type, stream, payload);
}

void Outbox::clear() {
  m_bytes.clear();
  m_written = 0;
}

Outbox::Flush Outbox::flush(int descriptor) {
  while (pending() > 0) {
    const ssize_t count = write(descriptor, m_bytes.data() + m_written, pending());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno != EAGAIN)
      return Flush::closed;
    if (count <= 0) {
      if (m_written > k_high_water) {
        m_bytes.erase(0, m_written);
        m_written = 0;
      }
      return Flush::blocked;
    }
    m_written += static_cast<std::size_t>(count);
  }
  clear();
  return Flush::empty;
}

}  // namespace nestbox::agent
