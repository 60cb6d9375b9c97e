#pragma once

#include <string>
#include <string_view>

#include "harness/guest/frame.hpp"

namespace nestbox::agent {

/// Frames on their way to the host. Bounded by its users: they add bulk only while `has_room()`.
class Outbox {
public:
  void add(FrameType type, std::uint32_t stream, std::string_view payload);

  bool has_room() const noexcept { return pending() < k_high_water; }
  std::size_t pending() const noexcept { return m_bytes.size() - m_written; }
  void clear();

  enum class Flush { empty, blocked, closed };
  Flush flush(int descriptor);

private:
  static constexpr std::size_t k_high_water = 256 * 1024;
  std::string m_bytes;
  std::size_t m_written = 0;
};

}  // namespace nestbox::agent
