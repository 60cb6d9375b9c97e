#include "harness/model/marker_word.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/base/utf8.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_longest_marker = 100;

// The blocks of Unicode that hold letters and digits; punctuation, spaces and symbols lie between
// them.
constexpr std::array<std::pair<char32_t, char32_t>, 13> k_word_blocks = {{{0xaa, 0xaa},
                                                                          {0xb5, 0xb5},
                                                                          {0xba, 0xba},
                                                                          {0xc0, 0xd6},
                                                                          {0xd8, 0xf6},
                                                                          {0xf8, 0x1fff},
                                                                          {0x2c00, 0x2dff},
                                                                          {0x3040, 0xd7ff},
                                                                          {0xf900, 0xfdff},
                                                                          {0xfe70, 0xfefe},
                                                                          {0xff10, 0xff19},
                                                                          {0xff21, 0xffdc},
                                                                          {0x10000, 0x3ffff}}};

bool is_word_character(char32_t character) {
  if (character < 0x80) {
    char byte = static_cast<char>(character);
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9')
           || (byte != '\0' && std::string_view("_:+-.[]\\/").find(byte) != std::string_view::npos);
  }
  return std::any_of(k_word_blocks.begin(), k_word_blocks.end(), [character](auto block) {
    return character >= block.first && character <= block.second;
  });
}

}  // namespace

std::size_t marker_word_length(std::string_view text) {
  std::size_t offset = 0;
  char32_t character = 0;
  while (std::size_t length = decode_utf8(text.substr(offset), character)) {
    if (!is_word_character(character))
      break;
    offset += length;
  }
  return offset;
}

bool is_marker(std::string_view word) {
  constexpr std::array<std::string_view, 5> k_taken = {"and", "or", "not", "True", "False"};
  return !word.empty() && word.size() <= k_longest_marker && marker_word_length(word) == word.size()
         && std::find(k_taken.begin(), k_taken.end(), word) == k_taken.end();
}

}  // namespace nestbox
