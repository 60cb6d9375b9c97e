#include "harness/base/text.hpp"

#include <algorithm>

#include "harness/base/utf8.hpp"

namespace nestbox {

namespace {

// Edits between two names, a swap of neighbours counting as one (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// The length of the well-formed UTF-8 sequence that `text` starts with; 0 when it is none, or one
// that a terminal would obey (C0 and C1 controls, DEL).
std::size_t harmless_sequence(std::string_view text) {
  char32_t character = 0;
  const std::size_t length = decode_utf8(text, character);
  const bool control = character < 0x20 ? character != '\n' && character != '\t'
                                        : character >= 0x7F && character < 0xA0;
  return control ? 0 : length;
}

// Whether `c` is in the set that starts at pattern[at] == '['; moves `at` behind it. Nothing moves
// when the set is not closed: the bracket then stands for itself.
bool match_set(std::string_view pattern, std::size_t& at, char c) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated)
    ++i;
  bool found = false;
  for (const std::size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) {
      at = i + 1;
      return found != negated && c != '/';
    }
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  return c == '[' && ++at > 0;
}

// Remembers each (pattern, name) position it has tried, so that no pattern takes exponential time.
class GlobMatch {
public:
  GlobMatch(std::string_view pattern, std::string_view name)
      : m_pattern(pattern), m_name(name), m_known((pattern.size() + 1) * (name.size() + 1)) {}

  bool from(std::size_t p, std::size_t n) {
    char& known = m_known[p * (m_name.size() + 1) + n];
    if (known == 0)
      known = match(p, n) ? 1 : 2;
    return known == 1;
  }

private:
  bool match(std::size_t p, std::size_t n) {
    for (; p < m_pattern.size() && m_pattern[p] != '*'; ++n) {
      if (n == m_name.size() || !match_one(p, m_name[n]))
        return false;
    }
    if (p == m_pattern.size())
      return n == m_name.size();
    const bool across = m_pattern.substr(p, 2) == "**";
    if (across && m_pattern.substr(p, 3) == "**/" && (n == 0 || m_name[n - 1] == '/')
        && from(p + 3, n))
      return true;
    if (from(p + (across ? 2 : 1), n))
      return true;
    return n < m_name.size() && (across || m_name[n] != '/') && from(p, n + 1);
  }

  bool match_one(std::size_t& p, char c) {
    if (m_pattern[p] == '[')
      return match_set(m_pattern, p, c);
    if (m_pattern[p] == '\\' && p + 1 < m_pattern.size())
      ++p;
    else if (m_pattern[p] == '?')
      return ++p > 0 && c != '/';
    return m_pattern[p++] == c;
  }

  std::string_view m_pattern;
  std::string_view m_name;
  std::vector<char> m_known;
};

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + 1)
    parts.emplace_back(text.substr(begin, end - begin));
  parts.emplace_back(text.substr(begin));
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != &parts.front())
      text += separator;
    text += part;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::size_t allowed = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = allowed + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(candidate.size(), name.size());
    if (longer - std::min(candidate.size(), name.size()) >= best)
      continue;
    const std::size_t distance = edit_distance(name, candidate);
    // A name that shares no letter with what was typed is no help, however short both are.
    if (distance < best && distance < longer) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? "" : "did you mean '" + near + "'?";
}

std::string shell_quote(const std::vector<std::string>& argv) {
  constexpr std::string_view k_plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "@%+=:,./-_";
  std::string text;
  for (const std::string& word : argv) {
    if (&word != &argv.front())
      text += ' ';
    if (!word.empty() && word.find_first_not_of(k_plain) == word.npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (char c : word) {
      if (c == '\'')
        text += "'\\''";
      else
        text += c;
    }
    text += '\'';
  }
  return text;
}

std::string printable(std::string_view text) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = harmless_sequence(text);
    if (length > 0) {
      result += text.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      result += {'\\', 'x', k_digits[byte >> 4], k_digits[byte & 15]};
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return result;
}

bool glob_match(std::string_view pattern, std::string_view name) {
  return GlobMatch(pattern, name).from(0, 0);
}

}  // namespace nestbox
