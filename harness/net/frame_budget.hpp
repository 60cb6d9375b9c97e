#pragma once

#include <cstddef>

namespace nestbox {

/// What a switch may hold of frames that cannot go on yet, all links together.
class FrameBudget {
public:
  explicit FrameBudget(std::size_t limit) : m_left(static_cast<std::ptrdiff_t>(limit)) {}

  static constexpr std::size_t cost(std::size_t frame) {
    return frame + 160;
  }  ///< with its bookkeeping
  bool take(std::size_t amount) {
    const bool enough = static_cast<std::ptrdiff_t>(amount) <= m_left;
    if (enough)
      take_anyway(amount);
    return enough;
  }
  void take_anyway(std::size_t amount) { m_left -= static_cast<std::ptrdiff_t>(amount); }
  void give_back(std::size_t amount) { m_left += static_cast<std::ptrdiff_t>(amount); }

private:
  std::ptrdiff_t m_left;
};

}  // namespace nestbox
