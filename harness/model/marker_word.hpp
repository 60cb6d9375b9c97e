#pragma once

#include <cstddef>
#include <string_view>

namespace nestbox {

/// The length in bytes of the marker word that `text` begins with, 0 for none: pytest's
/// `(\w|:|\+|-|\.|\[|\]|\\|/)+`, letters and digits being those of any script.
std::size_t marker_word_length(std::string_view text);

/// True for a word that a test may bear: one whole word of a marker expression that is no operator
/// (`and or not`) and no constant (`True False`), at most 100 bytes.
bool is_marker(std::string_view word);

}  // namespace nestbox
