#include "harness/base/utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nestbox {

namespace {

using Block = std::pair<char32_t, char32_t>;

// Unicode's East Asian Width W and F, block by block.
constexpr std::array<Block, 14> k_wide = {{{0x1100, 0x115f},
                                           {0x231a, 0x231b},
                                           {0x23e9, 0x23ec},
                                           {0x2e80, 0x303e},
                                           {0x3041, 0xa4cf},
                                           {0xa960, 0xa97f},
                                           {0xac00, 0xd7a3},
                                           {0xf900, 0xfaff},
                                           {0xfe30, 0xfe6f},
                                           {0xff00, 0xff60},
                                           {0xffe0, 0xffe6},
                                           {0x1f300, 0x1f64f},
                                           {0x1f680, 0x1faff},
                                           {0x20000, 0x3fffd}}};
constexpr std::array<Block, 7> k_combining = {{{0x300, 0x36f},
                                               {0x483, 0x489},
                                               {0x1ab0, 0x1aff},
                                               {0x200b, 0x200f},
                                               {0x20d0, 0x20ff},
                                               {0xfe00, 0xfe0f},
                                               {0xfe20, 0xfe2f}}};

template <std::size_t Count>
bool is_in(const std::array<Block, Count>& blocks, char32_t character) {
  return std::any_of(blocks.begin(), blocks.end(), [character](const Block& block) {
    return character >= block.first && character <= block.second;
  });
}

}  // namespace

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

int display_width(char32_t character) {
  if (is_in(k_combining, character))
    return 0;
  return is_in(k_wide, character) ? 2 : 1;
}

}  // namespace nestbox
