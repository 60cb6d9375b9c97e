#include "harness/model/verb_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/text.hpp"
#include "harness/model/name_rules.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

namespace {

std::string usage_hint(const VerbUsage& usage) {
  return fmt::format("usage: {} {}", usage.name, usage.arguments);
}

template <class Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const Named& one : all)
    names.push_back(one.name);
  return names;
}

}  // namespace

void refuse_word(std::size_t word, std::string message, std::string hint) {
  throw VerbMistake{word, std::move(message), std::move(hint)};
}

VerbArguments::VerbArguments(const std::vector<std::string>& words, std::size_t first,
                             const VerbUsage& usage,
                             std::initializer_list<std::string_view> options, std::string_view text)
    : m_usage(usage), m_end(words.size()) {
  for (std::size_t at = first; at < words.size(); ++at) {
    bool as_it_stands = !text.empty() && m_words.size() == 2 && m_words.back().text == text;
    if (as_it_stands || !words[at].starts_with("--")) {
      m_words.push_back({words[at], at});
    } else if (words[at] == "--") {
      m_has_command = true;
      m_end = at;
      m_command.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
      break;
    } else {
      read_option(words, at, options);
    }
  }
}

void VerbArguments::read_option(const std::vector<std::string>& words, std::size_t& at,
                                std::initializer_list<std::string_view> known) {
  const std::string& word = words[at];
  std::size_t equals = word.find('=');
  std::string name = word.substr(0, equals);
  std::vector<std::string> names;
  for (std::string_view option : known) {
    std::string_view option_name = option.substr(0, option.find(' '));
    names.emplace_back(option_name);
    if (option_name != name)
      continue;
    bool takes_value = option_name != option;
    if (has(option_name) && name != "--env")
      refuse_word(at, fmt::format("'{}' is given twice", name));
    if (!takes_value && equals != word.npos)
      refuse_word(at, fmt::format("'{}' takes no value", name));
    if (takes_value && equals == word.npos && (at + 1 == words.size() || words[at + 1] == "--"))
      refuse_word(at, fmt::format("'{}' lacks its value", name), usage_hint(m_usage));
    std::size_t index = at;
    if (!takes_value)
      m_options.push_back({option_name, {{}, index}});
    else if (equals != word.npos)
      m_options.push_back({option_name, {word.substr(equals + 1), index}});
    else
      m_options.push_back({option_name, {words[++at], index + 1}});
    return;
  }
  refuse_word(at, fmt::format("'{}' has no option '{}'", m_usage.name, printable(name)),
              suggestion(name, names, "it has "));
}

VerbWord VerbArguments::take(std::string_view what) {
  if (m_taken == m_words.size())
    refuse_word(m_end, fmt::format("'{}' lacks {}", m_usage.name, what), usage_hint(m_usage));
  return m_words[m_taken++];
}

std::vector<VerbWord> VerbArguments::take_rest() {
  std::vector<VerbWord> rest(m_words.begin() + static_cast<std::ptrdiff_t>(m_taken), m_words.end());
  m_taken = m_words.size();
  return rest;
}

bool VerbArguments::has(std::string_view option) const {
  return std::any_of(m_options.begin(), m_options.end(),
                     [option](const auto& given) { return given.first == option; });
}

std::vector<VerbWord> VerbArguments::values(std::string_view option) const {
  std::vector<VerbWord> values;
  for (const auto& [name, value] : m_options)
    if (name == option)
      values.push_back(value);
  return values;
}

std::chrono::milliseconds VerbArguments::timeout(std::chrono::milliseconds usual) const {
  for (const VerbWord& value : values("--timeout")) {
    Result<std::chrono::milliseconds> timeout = parse_duration(value.text);
    if (!timeout)
      refuse_word(value.index, timeout.error().message, timeout.error().hint);
    if (*timeout <= std::chrono::milliseconds(0) || *timeout > k_longest_duration)
      refuse_word(value.index, fmt::format("a timeout is more than 0s and at most 168h, not {}",
                                           printable(value.text)));
    return *timeout;
  }
  return usual;
}

std::vector<std::string> VerbArguments::take_command() {
  if (!m_has_command)
    refuse_word(m_end, fmt::format("'{}' lacks '--' and a command", m_usage.name),
                usage_hint(m_usage));
  if (m_command.empty() || m_command.front().empty())
    refuse_word(m_end + 1, "a command is to follow '--'", usage_hint(m_usage));
  m_has_command = false;
  return std::move(m_command);
}

void VerbArguments::finish() const {
  if (m_taken < m_words.size())
    refuse_word(m_words[m_taken].index,
                fmt::format("'{}' is one word too many", printable(m_words[m_taken].text)),
                usage_hint(m_usage));
  if (m_has_command)
    refuse_word(m_end, fmt::format("'{}' takes no command", m_usage.name), usage_hint(m_usage));
}

std::string VerbNames::machine(const VerbWord& word) const {
  if (!is_machine_name(word.text))
    refuse_word(word.index, fmt::format("'{}' cannot name a machine", printable(word.text)));
  if (m_topology && !find_machine(*m_topology, word.text))
    refuse_word(
        word.index,
        fmt::format("there is no machine '{}' in topology '{}'", word.text, m_topology->name),
        suggestion(word.text, names_of(m_topology->machines), "it has "));
  return word.text;
}

std::vector<std::string> VerbNames::machines(const VerbWord& word) const {
  std::vector<std::string> names;
  for (const std::string& part : split(word.text, ',')) {
    if (names.size() == k_most_machines)
      refuse_word(word.index, fmt::format("more than {} machines", k_most_machines));
    std::string name = machine({part, word.index});
    if (std::find(names.begin(), names.end(), name) != names.end())
      refuse_word(word.index, fmt::format("machine '{}' is named twice", name));
    names.push_back(std::move(name));
  }
  return names;
}

std::string VerbNames::network(const VerbWord& word) const {
  if (!is_network_name(word.text))
    refuse_word(word.index, fmt::format("'{}' cannot name a network", printable(word.text)));
  if (m_topology && !find_network(*m_topology, word.text))
    refuse_word(
        word.index,
        fmt::format("there is no network '{}' in topology '{}'", word.text, m_topology->name),
        suggestion(word.text, names_of(m_topology->networks), "it has "));
  return word.text;
}

LinkName VerbNames::link(const VerbWord& word) const {
  std::size_t at = word.text.find('@');
  LinkName link{machine({word.text.substr(0, at), word.index}), {}};
  if (at != word.text.npos) {
    link.network = network({word.text.substr(at + 1), word.index});
    check_stands_on(word, link.machine, link.network);
  } else if (m_topology && find_machine(*m_topology, link.machine)->links.empty()) {
    refuse_word(word.index, fmt::format("machine '{}' stands on no network", link.machine));
  }
  return link;
}

LinkName VerbNames::single_link(const VerbWord& word) const {
  LinkName link = this->link(word);
  if (!m_topology || !link.network.empty())
    return link;
  const std::vector<TopologyLink>& links = find_machine(*m_topology, link.machine)->links;
  if (links.size() > 1) {
    std::vector<std::string> choices;
    for (const TopologyLink& candidate : links)
      choices.push_back(link.machine + "@" + candidate.network);
    refuse_word(word.index, fmt::format("machine '{}' has {} links", link.machine, links.size()),
                "say which: '" + join(choices, "', '") + "'");
  }
  return link;
}

void VerbNames::check_stands_on(const VerbWord& word, std::string_view machine,
                                std::string_view network) const {
  if (!m_topology)
    return;
  std::vector<std::string> networks;
  for (const TopologyLink& link : find_machine(*m_topology, machine)->links)
    networks.push_back(link.network);
  if (std::find(networks.begin(), networks.end(), network) == networks.end())
    refuse_word(
        word.index, fmt::format("machine '{}' does not stand on network '{}'", machine, network),
        networks.empty() ? "it stands on none" : "it stands on '" + join(networks, "', '") + "'");
}

}  // namespace nestbox
