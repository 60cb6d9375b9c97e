#pragma once

#include <cstddef>
#include <string_view>

namespace nestbox {

/// True for the second and later bytes of a character.
constexpr bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// Decodes the first character of `text`; its length in bytes, 0 when it is no valid UTF-8
/// (overlong forms and surrogates are not) or the text is empty.
std::size_t decode_utf8(std::string_view text, char32_t& character);

/// How many columns of a terminal the character takes: 2 for East Asian wide ones and emoji, 0 for
/// combining marks.
int display_width(char32_t character);

}  // namespace nestbox
