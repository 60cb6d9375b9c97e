#include "harness/model/shell_words.hpp"

namespace nestbox {

namespace {

constexpr std::string_view k_blanks = " \t\r\n";
constexpr std::string_view k_escaped_in_quotes = "\"\\$`";

/// Moves `at` beyond the part that begins there and appends what it stands for; false when it never
/// ends.
bool read_part(std::string_view text, std::size_t& at, std::string& word) {
  char first = text[at];
  if (first == '\'') {
    std::size_t end = text.find('\'', at + 1);
    if (end == text.npos)
      return false;
    word += text.substr(at + 1, end - at - 1);
    at = end + 1;
    return true;
  }
  if (first == '"') {
    for (std::size_t i = at + 1; i < text.size(); ++i) {
      if (text[i] == '"') {
        at = i + 1;
        return true;
      }
      bool escape = text[i] == '\\' && i + 1 < text.size()
                    && k_escaped_in_quotes.find(text[i + 1]) != std::string_view::npos;
      i += escape;
      word += text[i];
    }
    return false;
  }
  if (first == '\\') {
    if (at + 1 == text.size())
      return false;
    ++at;
  }
  word += text[at++];
  return true;
}

}  // namespace

tl::expected<std::vector<ShellWord>, std::size_t> split_shell_words(std::string_view text) {
  std::vector<ShellWord> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(k_blanks, at)) != text.npos) {
    ShellWord word{{}, at};
    while (at < text.size() && k_blanks.find(text[at]) == k_blanks.npos)
      if (!read_part(text, at, word.text))
        return tl::unexpected(at);
    words.push_back(std::move(word));
    if (at == text.size())
      break;
  }
  return words;
}

}  // namespace nestbox
