#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"

namespace nestbox {

/// A selection expression with pytest's grammar: `expr := and ('or' and)*`, `and := not ('and'
/// not)*`, `not := 'not' not | '(' expr ')' | word`, True and False being words of their own; words
/// may hold letters, digits and any of `_ : + - . [ ] \ /` (pytest's identifier). Immutable, cheap
/// to copy, any thread.
class MarkerExpression {
public:
  /// Error(definition) with a caret under the offending column. An empty text matches all. Bounded:
  /// 4 KiB, depth 100.
  static Result<MarkerExpression> parse(std::string_view text);

  /// `has` is asked for each word, at most once a word.
  bool matches(const std::function<bool(std::string_view)>& has) const;

  /// Every word of the expression, in order of first appearance.
  std::vector<std::string> words() const;

  /// An Error(definition) about the word at `index` of words(), with a caret under it.
  Error mistake(std::size_t index, std::string message, std::string hint = {}) const;

  /// The expression with the fewest parentheses that parses to the same tree.
  std::string canonical() const;

  struct Node;

private:
  struct Words;
  std::shared_ptr<const Node> m_root;  // null: matches all
  std::shared_ptr<const Words> m_words;
};

}  // namespace nestbox
