#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/error.hpp"

namespace nestbox {

/// A text that people write, and the places in it. Views the text, which must outlive it. One
/// thread.
class SourceText {
public:
  SourceText(std::string_view text, std::string file);

  std::string_view text() const noexcept { return m_text; }
  const std::string& file() const noexcept { return m_file; }

  /// The place of the byte at `offset` (at most the text's size), without `source_line`.
  SourceLocation place(std::size_t offset) const;

  /// An Error(definition) that points at the byte at `offset`.
  Error mistake(std::size_t offset, std::string message, std::string hint = {}) const;

private:
  std::string_view m_text;
  std::string m_file;
  std::vector<std::size_t> m_line_starts;
  // Where the last column was counted: places are asked for in rising order, so that one very long
  // line is walked once, not once a place.
  mutable std::size_t m_counted_offset = 0;
  mutable int m_counted_column = 1;
};

/// The offset of the first byte that is no UTF-8, or a control character other than tab and line
/// ends, or the text's size.
std::size_t first_unreadable(std::string_view text);

}  // namespace nestbox
