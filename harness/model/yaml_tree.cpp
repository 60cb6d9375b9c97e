#include "harness/model/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>

#include "harness/base/text.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

namespace {

constexpr Bytes k_longest_text = mebibytes(16);
constexpr std::size_t k_deepest = 32;

/// A view as a stream, without a copy.
class ViewBuffer : public std::streambuf {
public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // setg wants it; a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

/// Builds the tree from yaml-cpp's events: its own Node merges duplicate keys without a word and
/// forgets places.
class TreeBuilder : public YAML::EventHandler {
public:
  TreeBuilder(const SourceText& source, std::vector<Error>& mistakes)
      : m_source(source), m_mistakes(mistakes) {}

  YamlNode take() { return std::move(m_root); }
  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), m_source.text().size());
  }
  /// The innermost list or mapping that has not ended.
  std::size_t innermost_open() const { return m_open.back()->offset; }
  bool any_open() const { return !m_open.empty(); }

  /// yaml-cpp takes the end of the text for a missing closing quote.
  void check_last_quote() const {
    std::string_view text = m_source.text();
    if (m_last_quoted == text.npos || (text[m_last_quoted] != '"' && text[m_last_quoted] != '\''))
      return;
    char quote = text[m_last_quoted];
    for (std::size_t i = m_last_quoted + 1; i < text.size(); ++i) {
      if (quote == '"' && text[i] == '\\')
        ++i;
      else if (text[i] == quote && text.substr(i + 1, 1) == "'" && quote == '\'')
        ++i;
      else if (text[i] == quote)
        return;
    }
    throw m_source.mistake(m_last_quoted, "this quote is never closed");
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (m_documents++ > 0)
      throw m_source.mistake(offset(mark), "a second document begins here",
                             "a definition is one document: remove the '---'");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(YamlNode::Kind::nothing, mark, {}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(YamlNode::Kind::refused, mark, {}, 0);
    m_mistakes.push_back(m_source.mistake(offset(mark), "aliases ('*name') are not supported",
                                          "share settings by 'from' and 'defaults'"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    bool quoted = tag == "!";
    if (quoted)
      m_last_quoted = offset(mark);
    add(quoted ? YamlNode::Kind::text : YamlNode::Kind::plain, mark, tag, anchor).scalar = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(add(YamlNode::Kind::sequence, mark, tag, anchor));
  }
  void OnSequenceEnd() override { m_open.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(add(YamlNode::Kind::mapping, mark, tag, anchor));
  }
  void OnMapEnd() override { m_open.pop_back(); }

private:
  YamlNode& add(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor) {
    YamlNode& node = m_open.empty() ? m_root : m_open.back()->children.emplace_back();
    node.kind = kind;
    node.offset = static_cast<std::uint32_t>(offset(mark));
    if (anchor != 0)
      m_mistakes.push_back(m_source.mistake(node.offset, "anchors ('&name') are not supported",
                                            "share settings by 'from' and 'defaults'"));
    if (!tag.empty() && tag != "?" && tag != "!")
      m_mistakes.push_back(m_source.mistake(node.offset, "tags ('!name') are not supported",
                                            "put a text in quotes"));
    return node;
  }

  // The pointer stays good: an open node's parent gains no other child until this one has ended.
  void open(YamlNode& node) {
    if (m_open.size() >= k_deepest)
      throw m_source.mistake(node.offset, "nested too deeply: more than "
                                              + std::to_string(k_deepest) + " levels");
    m_open.push_back(&node);
  }

  const SourceText& m_source;
  std::vector<Error>& m_mistakes;
  YamlNode m_root;
  std::vector<YamlNode*> m_open;
  std::size_t m_last_quoted = std::string_view::npos;
  int m_documents = 0;
};

struct Explanation {
  std::string_view theirs;
  std::string_view message;
  std::string_view hint;
};

constexpr std::array<Explanation, 8> k_explanations = {{
    {"illegal map value", "a ':' cannot stand here",
     "indent a nested key further than its parent, and quote a text that holds ': '"},
    {"unknown token", "a plain text cannot begin with this character", "put the text in quotes"},
    {"illegal block entry", "a '- ' cannot stand here", "begin a list on a line of its own"},
    {"illegal flow end", "this closing bracket has no matching opening one", ""},
    {"end of map not found", "unexpected text: the mapping should go on with a key or end here",
     "check the quotes and the indentation"},
    {"end of sequence not found", "unexpected text: the list should go on with '- ' or end here",
     "check the quotes and the indentation"},
    {"illegal tab when looking for indentation", "a tab cannot indent", "indent by spaces"},
    {"unknown escape character: ", "unknown escape in a text in double quotes",
     "write '\\\\' for a backslash, or use single quotes"},
}};

Error explain(const SourceText& source, const TreeBuilder& builder, const YAML::Exception& error) {
  std::size_t offset = builder.offset(error.mark);
  std::string_view text = source.text();
  if (error.msg.ends_with("flow not found") && builder.any_open())
    return source.mistake(builder.innermost_open(), "this bracket is never closed");
  std::size_t line_start = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
  if (text.substr(line_start, 1) == "\t")
    return source.mistake(line_start, "a tab cannot indent", "indent by spaces");
  for (const Explanation& known : k_explanations)
    if (error.msg.starts_with(known.theirs))
      return source.mistake(offset, std::string(known.message), std::string(known.hint));
  return source.mistake(offset, "no valid YAML: " + error.msg);
}

}  // namespace

bool YamlNode::is_number() const {
  std::string_view rest = scalar;
  auto skip = [&rest](std::string_view accepted) {
    std::size_t count = std::min(rest.find_first_not_of(accepted), rest.size());
    rest.remove_prefix(count);
    return count > 0;
  };
  constexpr std::string_view k_digits = "0123456789";
  if (kind != Kind::plain || rest.empty())
    return false;
  if (rest.starts_with("0x") || rest.starts_with("0o")) {
    bool octal = rest[1] == 'o';
    rest.remove_prefix(2);
    return skip(octal ? "01234567" : "0123456789abcdefABCDEF") && rest.empty();
  }
  if (rest[0] == '-' || rest[0] == '+')
    rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF")
    return true;
  if (scalar == ".nan" || scalar == ".NaN" || scalar == ".NAN")
    return true;
  bool digits = skip(k_digits);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    digits = skip(k_digits) || digits;
  }
  if (digits && (rest.starts_with('e') || rest.starts_with('E'))) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+'))
      rest.remove_prefix(1);
    digits = skip(k_digits);
  }
  return digits && rest.empty();
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
  case YamlNode::Kind::sequence:
    return "a list";
  case YamlNode::Kind::mapping:
    return "a mapping";
  case YamlNode::Kind::plain:
    if (node.is_boolean())
      return node.scalar;
    if (node.is_number())
      return "the number " + node.scalar;
    [[fallthrough]];
  case YamlNode::Kind::text: {
    constexpr std::size_t k_shown = 60;
    bool whole = node.scalar.size() <= k_shown;
    return "the text '" + printable(node.scalar.substr(0, k_shown)) + (whole ? "'" : "…'");
  }
  case YamlNode::Kind::nothing:
  case YamlNode::Kind::refused:
    break;
  }
  return "nothing";
}

std::optional<YamlNode> parse_yaml(const SourceText& source, std::vector<Error>& mistakes) {
  std::string_view text = source.text();
  if (text.size() > k_longest_text.count) {
    mistakes.push_back(source.mistake(0, "longer than " + format_bytes(k_longest_text)));
    return {};
  }
  if (std::size_t offset = first_unreadable(text); offset < text.size()) {
    mistakes.push_back(source.mistake(offset, "not a readable character",
                                      "save the file as UTF-8 without control characters"));
    return {};
  }
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  TreeBuilder builder(source, mistakes);
  try {
    try {
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(builder)) {
      }
      builder.check_last_quote();
      return builder.take();
    } catch (const YAML::Exception& error) {
      builder.check_last_quote();
      throw explain(source, builder, error);
    }
  } catch (Error& error) {
    mistakes.push_back(std::move(error));
  }
  return {};
}

}  // namespace nestbox
