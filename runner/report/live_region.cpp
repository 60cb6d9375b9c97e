#include "runner/report/live_region.hpp"

#include <fmt/format.h>

namespace nestbox {
namespace {

/// The first `columns` characters, counted as code points.
std::string_view cut(std::string_view text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && seen++ == columns)
      return text.substr(0, at);
  return text;
}

}  // namespace

void LiveRegion::draw(const std::vector<std::string>& lines, std::size_t columns) {
  erase();
  std::string text;
  for (const std::string& line : lines)
    text.append(cut(line, columns > 0 ? columns - 1 : 0)).append("\n");
  if (!text.empty())
    m_write(text);
  m_drawn = lines.size();
}

void LiveRegion::erase() {
  if (m_drawn > 0)
    m_write(fmt::format("\x1b[{}A\r\x1b[J", m_drawn));
  m_drawn = 0;
}

}  // namespace nestbox
