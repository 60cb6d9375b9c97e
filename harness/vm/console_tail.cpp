#include "harness/vm/console_tail.hpp"

#include <algorithm>

namespace nestbox {
namespace {

constexpr std::size_t k_console_tail = 256 * 1024;
constexpr std::string_view k_panic = "Kernel panic - not syncing";

}  // namespace

void ConsoleTail::add(std::string_view bytes) {
  // The words may arrive in two pieces.
  const std::size_t start = m_text.size() - std::min(m_text.size(), k_panic.size());
  m_text += bytes;
  m_panicked = m_panicked || m_text.find(k_panic, start) != std::string::npos;
  append_bounded(m_text, {}, k_console_tail);
}

std::string ConsoleTail::text() const {
  return last_bytes(m_text, k_console_tail);
}

void append_bounded(std::string& tail, std::string_view bytes, std::size_t limit) {
  tail += bytes;
  // Cut seldom, for each cut moves all that stays.
  if (tail.size() > 2 * limit)
    tail.erase(0, tail.size() - limit);
}

std::string last_bytes(const std::string& tail, std::size_t limit) {
  return tail.size() > limit ? tail.substr(tail.size() - limit) : tail;
}

}  // namespace nestbox
