#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nestbox {

/// The last lines of a terminal, rewritten in place below everything that stays. Not thread-safe.
class LiveRegion {
public:
  explicit LiveRegion(std::function<void(std::string_view)> write) : m_write(std::move(write)) {}

  /// Replaces the region; each line is cut to `columns`.
  void draw(const std::vector<std::string>& lines, std::size_t columns);
  /// Takes it away, so that what is written next stays.
  void erase();

private:
  std::function<void(std::string_view)> m_write;
  std::size_t m_drawn = 0;
};

}  // namespace nestbox
