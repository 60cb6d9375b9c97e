#include "harness/env/tail.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_limit = 4096;
constexpr int k_lines = 15;

}  // namespace

void Tail::add(std::string_view bytes) {
  m_bytes.append(bytes.size() > k_limit ? bytes.substr(bytes.size() - k_limit) : bytes);
  if (m_bytes.size() > 2 * k_limit)
    m_bytes.erase(0, m_bytes.size() - k_limit);
}

std::string Tail::last_lines() const {
  std::string_view text = m_bytes;
  while (text.ends_with('\n'))
    text.remove_suffix(1);
  std::size_t start = text.size();
  for (int line = 0; line < k_lines && start != 0; ++line) {
    const std::size_t newline = text.rfind('\n', start - 1);
    start = newline == std::string_view::npos ? 0 : newline;
  }
  text.remove_prefix(start == 0 ? 0 : start + 1);
  if (text.size() > k_limit)
    text.remove_prefix(text.size() - k_limit);
  return std::string(text);
}

}  // namespace nestbox
