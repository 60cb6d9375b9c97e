#include "runner/marker_expr.hpp"

#include <algorithm>
#include <optional>

#include "harness/base/text.hpp"
#include "harness/base/utf8.hpp"
#include "harness/model/marker_word.hpp"
#include "harness/model/source_text.hpp"

namespace nestbox {

/// `and` and `or` hold all their operands at once: 'a or (b or c)' is 'a or b or c'.
struct MarkerExpression::Node {
  enum class Kind { word, negation, conjunction, disjunction };
  Kind kind;
  std::size_t word = 0;  // index into m_words
  std::vector<Node> operands;
};

struct MarkerExpression::Words {
  std::string source;
  std::vector<std::string> words;
  std::vector<std::size_t> offsets;  // of each word's first appearance in the source
};

namespace {

using Node = MarkerExpression::Node;

constexpr char k_source_name[] = "marker expression";
constexpr std::size_t k_longest_text = 4096;
constexpr int k_deepest = 100;

struct Token {
  enum class Kind { open, close, conjunction, disjunction, negation, word, end };
  Kind kind;
  std::size_t offset;
  std::string_view text;
};

class Parser {
public:
  explicit Parser(std::string_view text) : m_source(text, k_source_name) { advance(); }

  std::optional<Node> parse() {
    if (m_token.kind == Token::Kind::end)
      return {};
    Node root = disjunction();
    if (m_token.kind != Token::Kind::end)
      expected(m_after_word ? "'and', 'or' or the end" : "the end");
    return root;
  }

  std::vector<std::string> take_words() { return std::move(m_words); }
  std::vector<std::size_t> take_offsets() { return std::move(m_offsets); }

private:
  void advance() {
    std::string_view text = m_source.text();
    m_after_word = m_token.kind == Token::Kind::word || m_token.kind == Token::Kind::close;
    std::size_t offset = std::min(text.find_first_not_of(" \t", m_next), text.size());
    std::string_view rest = text.substr(offset);
    if (rest.empty()) {
      m_token = {Token::Kind::end, offset, rest};
    } else if (rest[0] == '(' || rest[0] == ')') {
      m_token = {rest[0] == '(' ? Token::Kind::open : Token::Kind::close, offset,
                 rest.substr(0, 1)};
    } else {
      std::string_view word = rest.substr(0, marker_word_length(rest));
      if (word.empty())
        throw unexpected_character(offset, rest);
      m_token = {word == "and"   ? Token::Kind::conjunction
                 : word == "or"  ? Token::Kind::disjunction
                 : word == "not" ? Token::Kind::negation
                                 : Token::Kind::word,
                 offset, word};
    }
    m_next = offset + m_token.text.size();
  }

  Error unexpected_character(std::size_t offset, std::string_view rest) const {
    char32_t character = 0;
    std::size_t length = std::max<std::size_t>(decode_utf8(rest, character), 1);
    std::string hint = "words are joined by 'and', 'or', 'not' and parentheses";
    if (rest[0] == '&' || rest[0] == '|' || rest[0] == '!' || rest[0] == ',')
      hint = rest[0] == '&'   ? "write 'and'"
             : rest[0] == '!' ? "write 'not'"
             : rest[0] == '|' ? "write 'or'"
                              : "write 'and' or 'or'";
    return m_source.mistake(
        offset, "unexpected character '" + printable(rest.substr(0, length)) + "'", hint);
  }

  [[noreturn]] void expected(const std::string& what) const {
    std::string hint;
    if (m_after_word && m_token.kind == Token::Kind::word)
      hint = "join words by 'and' or 'or'";
    if (m_after_word && m_token.kind == Token::Kind::open)
      hint = "markers take no arguments";
    throw m_source.mistake(m_token.offset,
                           "expected " + what + ", not "
                               + (m_token.kind == Token::Kind::end
                                      ? "the end"
                                      : "'" + std::string(m_token.text) + "'"),
                           hint);
  }

  void enter() {
    if (++m_depth > k_deepest)
      throw m_source.mistake(m_token.offset, "nested too deeply");
  }

  Node disjunction() {
    return operands(Node::Kind::disjunction, Token::Kind::disjunction, &Parser::conjunction);
  }
  Node conjunction() {
    return operands(Node::Kind::conjunction, Token::Kind::conjunction, &Parser::negation);
  }

  Node operands(Node::Kind kind, Token::Kind joint, Node (Parser::*operand)()) {
    Node first = (this->*operand)();
    if (m_token.kind != joint)
      return first;
    Node result{kind, 0, {}};
    add(result, std::move(first));
    while (m_token.kind == joint) {
      advance();
      add(result, (this->*operand)());
    }
    return result;
  }

  static void add(Node& parent, Node operand) {
    if (operand.kind != parent.kind)
      parent.operands.push_back(std::move(operand));
    else
      std::move(operand.operands.begin(), operand.operands.end(),
                std::back_inserter(parent.operands));
  }

  Node negation() {
    enter();
    Node result{Node::Kind::negation, 0, {}};
    if (m_token.kind == Token::Kind::negation) {
      advance();
      result.operands.push_back(negation());
    } else if (m_token.kind == Token::Kind::open) {
      std::size_t offset = m_token.offset;
      advance();
      result = disjunction();
      if (m_token.kind == Token::Kind::end)
        throw m_source.mistake(offset, "this parenthesis is never closed");
      if (m_token.kind != Token::Kind::close)
        expected("'and', 'or' or ')'");
      advance();
    } else if (m_token.kind == Token::Kind::word) {
      result = {Node::Kind::word, index(m_token.text), {}};
      advance();
    } else {
      expected("'not', '(' or a word");
    }
    --m_depth;
    return result;
  }

  std::size_t index(std::string_view word) {
    auto found = std::find(m_words.begin(), m_words.end(), word);
    if (found == m_words.end()) {
      found = m_words.emplace(found, word);
      m_offsets.push_back(m_token.offset);
    }
    return static_cast<std::size_t>(found - m_words.begin());
  }

  SourceText m_source;
  std::size_t m_next = 0;
  Token m_token{Token::Kind::end, 0, {}};
  bool m_after_word = false;  // an operand ended just before the token
  int m_depth = 0;
  std::vector<std::string> m_words;
  std::vector<std::size_t> m_offsets;
};

/// Evaluates one node; the answers given so far are kept by word.
class Evaluation {
public:
  Evaluation(const std::vector<std::string>& words,
             const std::function<bool(std::string_view)>& has)
      : m_words(words), m_has(has), m_answers(words.size(), Answer::unknown) {}

  bool holds(const Node& node) {
    auto operand_holds = [this](const Node& operand) { return holds(operand); };
    switch (node.kind) {
    case Node::Kind::negation:
      return !holds(node.operands.front());
    case Node::Kind::conjunction:
      return std::all_of(node.operands.begin(), node.operands.end(), operand_holds);
    case Node::Kind::disjunction:
      return std::any_of(node.operands.begin(), node.operands.end(), operand_holds);
    case Node::Kind::word:
      break;
    }
    Answer& answer = m_answers[node.word];
    if (answer == Answer::unknown)
      answer = m_has(m_words[node.word]) ? Answer::yes : Answer::no;
    return answer == Answer::yes;
  }

private:
  enum class Answer : char { unknown, yes, no };
  const std::vector<std::string>& m_words;
  const std::function<bool(std::string_view)>& m_has;
  std::vector<Answer> m_answers;
};

std::string write(const Node& node, const std::vector<std::string>& words) {
  if (node.kind == Node::Kind::word)
    return words[node.word];
  std::vector<std::string> parts;
  for (const Node& operand : node.operands) {
    // Kinds are in the order of how tightly they bind.
    bool loose = operand.kind > node.kind;
    parts.push_back(loose ? "(" + write(operand, words) + ")" : write(operand, words));
  }
  if (node.kind == Node::Kind::negation)
    return "not " + parts.front();
  return join(parts, node.kind == Node::Kind::conjunction ? " and " : " or ");
}

}  // namespace

Result<MarkerExpression> MarkerExpression::parse(std::string_view text) {
  if (text.size() > k_longest_text)
    return fail(ErrorCode::definition, "the marker expression is longer than 4 KiB");
  return catch_error([text] {
    Parser parser(text);
    MarkerExpression expression;
    if (std::optional<Node> root = parser.parse())
      expression.m_root = std::make_shared<Node>(std::move(*root));
    expression.m_words = std::make_shared<Words>(
        Words{std::string(text), parser.take_words(), parser.take_offsets()});
    return expression;
  });
}

bool MarkerExpression::matches(const std::function<bool(std::string_view)>& has) const {
  return !m_root || Evaluation(m_words->words, has).holds(*m_root);
}

std::vector<std::string> MarkerExpression::words() const {
  return m_words ? m_words->words : std::vector<std::string>{};
}

Error MarkerExpression::mistake(std::size_t index, std::string message, std::string hint) const {
  return SourceText(m_words->source, k_source_name)
      .mistake(m_words->offsets.at(index), std::move(message), std::move(hint));
}

std::string MarkerExpression::canonical() const {
  return m_root ? write(*m_root, m_words->words) : "";
}

}  // namespace nestbox
