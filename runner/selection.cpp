#include "runner/selection.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "harness/base/text.hpp"

namespace nestbox {

namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool implies(const Test& test, std::string_view marker) {
  const Needs& needs = test.needs;
  return (marker == "vm" && (needs.machine || needs.nested)) || (marker == "nested" && needs.nested)
         || (marker == "network" && needs.network == NetworkAccess::user);
}

bool has_marker(const Test& test, std::string_view marker) {
  return contains(test.markers, marker) || implies(test, marker);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool has_part(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); })
         != text.end();
}

bool has_keyword(const Test& test, std::string_view word) {
  auto marker_has = [word](const std::string& marker) { return has_part(marker, word); };
  if (has_part(test.name, word) || has_part(test.topology.value_or(test.environment), word)
      || std::any_of(test.markers.begin(), test.markers.end(), marker_has))
    return true;
  std::vector<std::string> markers = effective_markers(test);
  return std::any_of(markers.begin(), markers.end(), marker_has);
}

/// A word that no test bears is more likely a slip than a wish for an empty selection.
std::optional<Error> unknown_marker(const MarkerExpression& expression,
                                    const std::vector<Test>& tests,
                                    const std::vector<std::string>& registered) {
  const std::vector<std::string> words = expression.words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (contains(builtin_markers(), word) || contains(registered, word))
      continue;
    if (std::any_of(tests.begin(), tests.end(),
                    [&](const Test& test) { return has_marker(test, word); }))
      continue;
    std::set<std::string> known(builtin_markers().begin(), builtin_markers().end());
    known.insert(registered.begin(), registered.end());
    for (const Test& test : tests)
      known.insert(test.markers.begin(), test.markers.end());
    std::vector<std::string> names(known.begin(), known.end());
    std::string hint = did_you_mean(word, names);
    constexpr std::size_t k_shown_names = 20;
    if (hint.empty() && names.size() <= k_shown_names)
      hint = "known markers: '" + join(names, "', '") + "'";
    return expression.mistake(i, "no test bears the marker '" + word + "'", hint)
        .during("reading '-m'");
  }
  return {};
}

}  // namespace

std::vector<std::string> effective_markers(const Test& test) {
  std::vector<std::string> markers = test.markers;
  for (const std::string& marker : builtin_markers())
    if (implies(test, marker) && !contains(markers, marker))
      markers.push_back(marker);
  return markers;
}

Result<Selection> select_tests(std::vector<Test> tests, const SelectionRequest& request,
                               const std::vector<std::string>& registered) {
  if (request.shard_count < 1 || request.shard_index < 0
      || request.shard_index >= request.shard_count)
    return fail(ErrorCode::usage,
                "there is no shard " + std::to_string(request.shard_index + 1) + " of "
                    + std::to_string(request.shard_count),
                "count from 1: --shard 1/4 … --shard 4/4");
  Result<MarkerExpression> markers = MarkerExpression::parse(request.markers);
  if (!markers)
    return fail(markers.error().during("reading '-m'"));
  Result<MarkerExpression> keywords = MarkerExpression::parse(request.keywords);
  if (!keywords)
    return fail(keywords.error().during("reading '-k'"));
  if (auto error = unknown_marker(*markers, tests, registered))
    return fail(std::move(*error));

  Selection selection;
  std::size_t total = tests.size();
  std::size_t shard_count = static_cast<std::size_t>(request.shard_count);
  std::size_t selected = 0;
  auto is_left_out = [&](const Test& test) {
    bool wanted = markers->matches([&](std::string_view word) {
      return has_marker(test, word);
    }) && keywords->matches([&](std::string_view word) { return has_keyword(test, word); });
    return !wanted || selected++ % shard_count != static_cast<std::size_t>(request.shard_index);
  };
  // std::erase_if may look at the elements in any order; dealing out shards needs theirs.
  auto kept = tests.begin();
  for (auto test = tests.begin(); test != tests.end(); ++test) {
    if (is_left_out(*test))
      continue;
    if (kept != test)
      *kept = std::move(*test);
    ++kept;
  }
  tests.erase(kept, tests.end());
  selection.deselected = total - tests.size();
  selection.tests = std::move(tests);
  return selection;
}

}  // namespace nestbox
