#include "harness/model/utf8.hpp"

namespace nestbox {

std::size_t decode_utf8(std::string_view text, char32_t& character) {
  if (text.empty())
    return 0;
  auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  unsigned char first = byte(0);
  if (first < 0x80) {
    character = first;
    return 1;
  }
  std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length)
    return 0;
  char32_t value = first & (0x7fU >> length);
  for (std::size_t index = 1; index < length; ++index) {
    if (!is_utf8_continuation(text[index]))
      return 0;
    value = (value << 6) | (byte(index) & 0x3fU);
  }
  constexpr char32_t k_smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < k_smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return 0;
  character = value;
  return length;
}

}  // namespace nestbox
