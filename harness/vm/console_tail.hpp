#pragma once

#include <string>
#include <string_view>

namespace nestbox {

/// The last part of what a machine's kernel and firmware print, as Machine::console wants it. One
/// thread at a time.
class ConsoleTail {
public:
  void add(std::string_view bytes);

  std::string text() const;
  /// The kernel has said that it panicked.
  bool panicked() const noexcept { return m_panicked; }

private:
  std::string m_text;
  bool m_panicked = false;
};

/// Adds to a text of which only the last `limit` bytes matter; it holds at most twice as many.
void append_bounded(std::string& tail, std::string_view bytes, std::size_t limit);

/// The last `limit` bytes.
std::string last_bytes(const std::string& tail, std::size_t limit);

}  // namespace nestbox
