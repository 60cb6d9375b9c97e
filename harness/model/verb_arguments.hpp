#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/verb_parser.hpp"

/// The pieces that verb_parser reads a verb from. All throw VerbMistake.
namespace nestbox {

struct VerbWord {
  std::string text;
  std::size_t index = 0;  ///< in the words of the verb
};

/// What follows a verb's name, taken apart: words in their places, options anywhere before `--`,
/// and the command behind it.
class VerbArguments {
public:
  /// `usage` must outlive it; `options` are "--timeout T" or "--json". What follows the word `text`
  /// as the second one is taken as it stands, whatever it looks like.
  VerbArguments(const std::vector<std::string>& words, std::size_t first, const VerbUsage& usage,
                std::initializer_list<std::string_view> options, std::string_view text = {});

  const VerbUsage& usage() const noexcept { return m_usage; }

  /// The next word; "'copy' lacks its destination" when there is none.
  VerbWord take(std::string_view what);
  std::vector<VerbWord> take_rest();

  bool has(std::string_view option) const;
  std::vector<VerbWord> values(std::string_view option) const;
  std::chrono::milliseconds timeout(std::chrono::milliseconds usual) const;

  bool has_command() const noexcept { return m_has_command; }
  std::vector<std::string> take_command();

  /// Refuses what was not taken.
  void finish() const;

private:
  void read_option(const std::vector<std::string>& words, std::size_t& at,
                   std::initializer_list<std::string_view> known);

  const VerbUsage& m_usage;
  std::vector<VerbWord> m_words;
  std::size_t m_taken = 0;
  std::vector<std::pair<std::string_view, VerbWord>> m_options;
  std::vector<std::string> m_command;
  bool m_has_command = false;
  std::size_t m_end = 0;  // the index of `--`, or how many words there are
};

/// Names in a verb, held against the topology if there is one.
class VerbNames {
public:
  explicit VerbNames(const Topology* topology) : m_topology(topology) {}

  std::string machine(const VerbWord& word) const;
  std::vector<std::string> machines(const VerbWord& word) const;  ///< "a,b", each once
  std::string network(const VerbWord& word) const;
  LinkName link(const VerbWord& word) const;
  LinkName single_link(const VerbWord& word) const;  ///< of a machine that stands on one, its only
  void check_stands_on(const VerbWord& word, std::string_view machine,
                       std::string_view network) const;

private:
  const Topology* m_topology;
};

[[noreturn]] void refuse_word(std::size_t word, std::string message, std::string hint = {});

}  // namespace nestbox
