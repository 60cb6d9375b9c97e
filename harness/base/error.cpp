#include "harness/base/error.hpp"

#include <cstring>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "harness/base/text.hpp"
#include "harness/base/utf8.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_excerpt_width = 100;

// Where the character that `column` counts begins in `line`; its end when there is no such
// character.
std::size_t byte_offset(std::string_view line, int column) {
  std::size_t offset = 0;
  for (int character = 1; offset < line.size(); ++offset) {
    if (offset > 0 && !is_utf8_continuation(line[offset]))
      ++character;
    if (character >= column)
      break;
  }
  return offset;
}

// Tabs stay tabs, so that the caret stands under its column at any tab width.
std::string blank_of_same_width(std::string_view text) {
  std::string blank;
  while (!text.empty()) {
    char32_t character = ' ';
    const std::size_t length = std::max<std::size_t>(decode_utf8(text, character), 1);
    if (character == '\t')
      blank += '\t';
    else
      blank.append(static_cast<std::size_t>(display_width(character)), ' ');
    text.remove_prefix(length);
  }
  return blank;
}

// The source line and its caret; of a long line only the part around the column.
std::string excerpt(const SourceLocation& where) {
  std::string_view line = where.source_line;
  const std::size_t column = byte_offset(line, where.column);
  std::size_t begin = column < k_excerpt_width ? 0 : column - k_excerpt_width / 2;
  while (begin < column && is_utf8_continuation(line[begin]))
    ++begin;
  std::size_t end = std::min(line.size(), begin + k_excerpt_width);
  while (end < line.size() && is_utf8_continuation(line[end]))
    ++end;
  const std::string before =
      (begin > 0 ? "..." : "") + printable(line.substr(begin, column - begin));
  const std::string after =
      printable(line.substr(column, end - column)) + (end < line.size() ? "..." : "");
  std::string text = "\n    " + before + after;
  if (where.column > 0)
    text += "\n    " + blank_of_same_width(before) + "^";
  return text;
}

}  // namespace

Error::Error(ErrorCode error_code, std::string text, std::string what_to_do)
    : code(error_code), message(std::move(text)), hint(std::move(what_to_do)) {}

Error Error::during(std::string activity) const {
  Error outer = *this;
  outer.trace.push_back("while " + std::move(activity));
  return outer;
}

Error Error::at(SourceLocation location) const {
  Error placed = *this;
  placed.where = std::move(location);
  return placed;
}

std::string Error::render() const {
  std::string text;
  if (where) {
    text += printable(where->file) + ":";
    if (where->line > 0)
      text += std::to_string(where->line) + ":";
    if (where->line > 0 && where->column > 0)
      text += std::to_string(where->column) + ":";
    text += " ";
  }
  text += "error: " + printable(message);
  if (where && !where->source_line.empty())
    text += excerpt(*where);
  for (const std::string& activity : trace)
    text += "\n  " + printable(activity);
  if (!hint.empty())
    text += "\nhint: " + printable(hint);
  return text;
}

Error system_error(const std::string& what_failed, int error_number) {
  const char* description = strerrordesc_np(error_number);
  std::string reason = description ? description : "unknown error " + std::to_string(error_number);
  if (reason.size() > 1 && std::islower(static_cast<unsigned char>(reason[1])))
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error(ErrorCode::io, what_failed + ": " + reason,
               full ? "make room: 'nestbox cache gc --keep 5GiB' removes what was not used for "
                      "longest"
                    : "");
}

int exit_code(ErrorCode code) {
  switch (code) {
  case ErrorCode::usage:
  case ErrorCode::definition:
  case ErrorCode::not_found:
    return 2;
  case ErrorCode::unsupported:
  case ErrorCode::io:
  case ErrorCode::timeout:
  case ErrorCode::corrupt:
  case ErrorCode::lost:
  case ErrorCode::infrastructure:
    return 3;
  case ErrorCode::cancelled:
    return 130;
  }
  return 3;
}

}  // namespace nestbox
