#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace nestbox {

/// One word of a text, and where it begins in it.
struct ShellWord {
  std::string text;
  std::size_t offset = 0;
};

/// Splits as a POSIX shell does, but without any expansion, operator or comment: blanks, '…', "…"
/// and \. Reads back what shell_quote writes. The error is the offset of a quote that is never
/// closed, or of a backslash at the end.
tl::expected<std::vector<ShellWord>, std::size_t> split_shell_words(std::string_view text);

}  // namespace nestbox
