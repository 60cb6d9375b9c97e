#include "harness/model/source_text.hpp"

#include <algorithm>

#include "harness/base/utf8.hpp"

namespace nestbox {

namespace {

// A longer line (a whole definition on one line of JSON) is not worth showing.
constexpr std::size_t k_shown_line = 1000;

}  // namespace

SourceText::SourceText(std::string_view text, std::string file)
    : m_text(text), m_file(std::move(file)), m_line_starts{0} {
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1))
    m_line_starts.push_back(end + 1);
}

SourceLocation SourceText::place(std::size_t offset) const {
  auto next_line = std::upper_bound(m_line_starts.begin(), m_line_starts.end(), offset);
  std::size_t line_start = *std::prev(next_line);
  if (m_counted_offset < line_start || m_counted_offset > offset) {
    m_counted_offset = line_start;
    m_counted_column = 1;
  }
  std::size_t end = std::min(offset, m_text.size());
  for (; m_counted_offset < end; ++m_counted_offset)
    m_counted_column += !is_utf8_continuation(m_text[m_counted_offset]);
  return {m_file, static_cast<int>(next_line - m_line_starts.begin()), m_counted_column, {}};
}

Error SourceText::mistake(std::size_t offset, std::string message, std::string hint) const {
  SourceLocation location = place(offset);
  std::string_view line = m_text.substr(m_line_starts[static_cast<std::size_t>(location.line) - 1]);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.size() <= k_shown_line)
    location.source_line = line;
  return Error(ErrorCode::definition, std::move(message), std::move(hint)).at(std::move(location));
}

std::size_t first_unreadable(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    char32_t character = 0;
    std::size_t length = decode_utf8(text.substr(offset), character);
    bool control = (character < 0x20 && character != '\t' && character != '\n' && character != '\r')
                   || (character >= 0x7f && character < 0xa0 && character != 0x85);
    if (length == 0 || control)
      return offset;
    offset += length;
  }
  return text.size();
}

}  // namespace nestbox
