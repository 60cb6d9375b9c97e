#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/text.hpp"
#include "harness/base/units.hpp"
#include "harness/model/yaml_tree.hpp"

namespace nestbox {

/// Of any timeout.
inline constexpr std::chrono::hours k_longest_duration{7 * 24};

/// Reads values off a YamlNode tree, and collects a mistake with its place for each that is not
/// what it should be. Every getter takes the key (for the message) and a node, and gives nothing
/// after a mistake.
class YamlReader {
public:
  /// `mistakes` are those found already, while parsing.
  explicit YamlReader(const SourceText& source, std::vector<Error> mistakes = {})
      : m_source(source), m_mistakes(std::move(mistakes)) {}

  const SourceText& source() const noexcept { return m_source; }

  void mistake(const YamlNode& node, std::string message, std::string hint = {});
  bool any_mistake() const noexcept { return !m_mistakes.empty(); }

  /// Counts what a text makes us copy (inherited settings): beyond 256 MiB a mistake, and false
  /// from then on.
  bool charge(const YamlNode& node, std::size_t bytes);

  /// In the order of the text; at most 100, then one that says how many more there were.
  std::vector<Error> take_mistakes();

  using Entry = std::pair<const YamlNode*, const YamlNode*>;
  /// The entries of a mapping with text keys, each key once. Nothing counts as an empty mapping.
  std::vector<Entry> entries(std::string_view key, const YamlNode& node);

  /// A mapping of these keys only: their values in the order of `known`, nullptr where absent.
  std::vector<const YamlNode*> fields(std::string_view key, const YamlNode& node,
                                      std::initializer_list<std::string_view> known);

  /// A list of at most 1000 items.
  std::optional<std::vector<const YamlNode*>> items(std::string_view key, const YamlNode& node);
  /// A list of different texts, at most 1000.
  std::vector<std::pair<const YamlNode*, std::string>> words(std::string_view key,
                                                             const YamlNode& node);
  /// Not empty, at most 64 KiB.
  std::optional<std::string> text(std::string_view key, const YamlNode& node);
  std::optional<bool> boolean(std::string_view key, const YamlNode& node);
  std::optional<int> integer(std::string_view key, const YamlNode& node, int least, int most);
  std::optional<Bytes> bytes(std::string_view key, const YamlNode& node, Bytes least, Bytes most);
  std::optional<std::chrono::milliseconds> duration(std::string_view key, const YamlNode& node);
  /// A mapping of variable names to texts, numbers or truth values, all taken as text.
  std::map<std::string, std::string> variables(std::string_view key, const YamlNode& node);

  template <class Value>
  using Choices = std::initializer_list<std::pair<std::string_view, Value>>;
  template <class Value>
  std::optional<Value> choice(std::string_view key, const YamlNode& node, Choices<Value> choices) {
    std::optional<std::string> word = text(key, node);
    if (!word)
      return {};
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
      if (name == *word)
        return value;
      names.emplace_back(name);
    }
    unknown_choice(key, node, names);
    return {};
  }

private:
  void wrong_type(std::string_view key, const YamlNode& node, std::string_view expected,
                  std::string hint = {});
  void unknown_choice(std::string_view key, const YamlNode& node,
                      const std::vector<std::string>& names);

  const SourceText& m_source;
  std::vector<Error> m_mistakes;
  std::size_t m_unkept = 0;
  std::size_t m_charged = 0;
};

/// Whether every key of a mapping is among its `fields`: after a misspelt one, what is missing is
/// known already.
bool knows_all(const YamlNode& node, const std::vector<const YamlNode*>& fields);

/// "did you mean 'x'?" when one is near, else "'a', 'b' or 'c'" as what it can be.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::string_view introduction);

}  // namespace nestbox
