#include "runner/cases/tap.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_maximum_line = 8192;
constexpr std::size_t k_maximum_depth = 32;

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc())
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// "ok", "not ok" as whole words at the front.
std::optional<bool> take_result(std::string_view& text) {
  bool ok = !take(text, "not ");
  if (!take(text, "ok") || (!text.empty() && text[0] != ' ' && text[0] != '\t'))
    return std::nullopt;
  return ok;
}

struct Directive {
  std::string_view word;
  std::string_view reason;
};

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

/// Cuts " # SKIP reason" off a description. A '#' behind a backslash is part of the name.
Directive take_directive(std::string_view& description) {
  static constexpr std::string_view k_words[] = {"SKIP",  "SKIPPED", "TODO",
                                                 "XFAIL", "TIMEOUT", "ERROR"};
  for (std::size_t hash = description.find('#'); hash != std::string_view::npos;
       hash = description.find('#', hash + 1)) {
    if (hash > 0 && description[hash - 1] == '\\')
      continue;
    std::string_view rest = trim(description.substr(hash + 1));
    std::string_view word = rest.substr(0, std::min(rest.find_first_of(" \t:"), rest.size()));
    for (std::string_view known : k_words) {
      if (!equals_ignoring_case(word, known))
        continue;
      description = trim(description.substr(0, hash));
      std::string_view reason = trim(rest.substr(word.size()));
      take(reason, ":");
      return {known, trim(reason)};
    }
  }
  return {};
}

TestCase make_case(bool ok, std::string_view rest) {
  std::string_view description = trim(rest);
  std::optional<std::size_t> number = take_number(description);
  description = trim(description);
  if (take(description, "- ") || description == "-")
    description = description == "-" ? std::string_view() : trim(description);
  Directive directive = take_directive(description);

  TestCase result{std::string(description),
                  ok ? Outcome::passed : Outcome::failed,
                  std::string(directive.reason),
                  {}};
  if (result.name.empty())
    result.name = number ? fmt::format("case {}", *number) : std::string("case");
  if (directive.word.starts_with("SKIP"))
    result.outcome = Outcome::skipped;
  else if (directive.word == "TODO" || directive.word == "XFAIL")
    result.outcome = ok && directive.word == "TODO" ? Outcome::xpassed : Outcome::xfailed;
  else if (directive.word == "TIMEOUT" && !ok)
    result.outcome = Outcome::timeout;
  return result;
}

}  // namespace

void TapParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t end = bytes.find('\n');
    bool whole = end != std::string_view::npos;
    std::string_view piece = bytes.substr(0, whole ? end : bytes.size());
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
    if (whole && m_partial.empty()) {
      line(piece.substr(0, k_maximum_line));
      continue;
    }
    m_partial.append(piece.substr(0, k_maximum_line - std::min(k_maximum_line, m_partial.size())));
    if (whole)
      line(std::exchange(m_partial, {}));
  }
}

std::optional<CaseReport> TapParser::finish() {
  if (!m_partial.empty())
    line(std::exchange(m_partial, {}));
  if (!m_version && !(m_plan && (m_results > 0 || m_report.skipped_whole)))
    return std::nullopt;
  std::vector<TestCase> orphans = close_deeper_than(0);
  if (!m_levels.empty()) {
    m_report.cases = std::move(m_levels.front().cases);
    close_last();
  }
  std::move(orphans.begin(), orphans.end(), std::back_inserter(m_report.cases));
  if (m_results > k_maximum_cases)
    complain(fmt::format("reported {} cases, of which {} are kept", m_results, k_maximum_cases));
  m_report.format = m_ktap ? "ktap" : "tap";
  return std::move(m_report);
}

void TapParser::line(std::string_view text) {
  if (!text.empty() && text.back() == '\r')
    text.remove_suffix(1);
  std::size_t indent = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(indent);
  if (yaml(text, indent))
    return;
  if (text.starts_with("# ")) {
    std::string_view inner = trim(text.substr(2));
    bool version = inner.starts_with("TAP version ") || inner.starts_with("KTAP version ");
    if (!version && !m_hash_nested)
      return;
    m_hash_nested = true;
    indent += 2;
    text = inner;
  }
  if (take(text, "TAP version ")) {
    m_version = true;
  } else if (take(text, "KTAP version ")) {
    m_version = m_ktap = true;
  } else if (take(text, "1..")) {
    plan(text, indent);
  } else if (take(text, "Bail out!")) {
    complain(fmt::format("bailed out: {}", trim(text)));
  } else if (text.starts_with("ok") || text.starts_with("not ok")) {
    if (std::optional<bool> ok = take_result(text))
      result(*ok, text, indent);
  }
}

/// Indented diagnostics between "---" and "..." belong to the result before them; only their
/// message is kept.
bool TapParser::yaml(std::string_view text, std::size_t indent) {
  if (!m_in_yaml || indent == 0) {
    m_in_yaml = indent > 0 && text == "---" && m_results > 0;
    return m_in_yaml;
  }
  if (text == "...") {
    m_in_yaml = false;
  } else if (take(text, "message:") && !m_levels.back().cases.empty()) {
    std::string& message = m_levels.back().cases.back().message;
    if (message.empty())
      message = trim(text);
  }
  return true;
}

void TapParser::plan(std::string_view text, std::size_t indent) {
  std::optional<std::size_t> planned = take_number(text);
  std::string_view rest = trim(text);
  if (!planned || (!rest.empty() && rest[0] != '#'))
    return;
  m_plan = true;
  level_at(indent).planned = planned;
  if (*planned == 0 && indent == 0 && m_results == 0) {
    m_report.skipped_whole = true;
    m_report.problem = take_directive(rest).reason;
  }
}

void TapParser::result(bool ok, std::string_view rest, std::size_t indent) {
  std::vector<TestCase> children = close_deeper_than(indent);
  if (indent == 0)
    m_hash_nested = false;
  Level& level = level_at(indent);
  ++level.seen;
  TestCase parent = make_case(ok, rest);
  if (++m_results > k_maximum_cases) {
    if (is_failure(parent.outcome))
      complain(
          fmt::format("case '{}' failed beyond the {} cases kept", parent.name, k_maximum_cases));
    return;
  }
  bool child_failed = std::any_of(children.begin(), children.end(),
                                  [](const TestCase& child) { return is_failure(child.outcome); });
  for (TestCase& child : children) {
    child.name = parent.name + " > " + child.name;
    level.cases.push_back(std::move(child));
  }
  // A parent only repeats what its children said, unless it failed by itself.
  if (children.empty() || (is_failure(parent.outcome) && !child_failed))
    level.cases.push_back(std::move(parent));
}

TapParser::Level& TapParser::level_at(std::size_t indent) {
  auto at = std::find_if(m_levels.begin(), m_levels.end(),
                         [&](const Level& level) { return level.indent >= indent; });
  if (at != m_levels.end() && at->indent == indent)
    return *at;
  if (m_levels.size() >= k_maximum_depth)
    return m_levels.back();
  return *m_levels.insert(at, Level{indent, std::nullopt, 0, {}});
}

std::vector<TestCase> TapParser::close_deeper_than(std::size_t indent) {
  std::vector<TestCase> cases;
  auto first = std::find_if(m_levels.begin(), m_levels.end(),
                            [&](const Level& level) { return level.indent > indent; });
  for (auto level = first; level != m_levels.end(); ++level)
    std::move(level->cases.begin(), level->cases.end(), std::back_inserter(cases));
  const auto kept = static_cast<std::size_t>(first - m_levels.begin());
  while (m_levels.size() > kept)
    close_last();
  return cases;
}

void TapParser::close_last() {
  const Level& level = m_levels.back();
  if (level.planned && *level.planned != level.seen)
    complain(fmt::format("planned {} cases, saw {}", *level.planned, level.seen));
  m_levels.pop_back();
}

void TapParser::complain(std::string problem) {
  if (m_report.problem.empty())
    m_report.problem = std::move(problem);
}

}  // namespace nestbox
