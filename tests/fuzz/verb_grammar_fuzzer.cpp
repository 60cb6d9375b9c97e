#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/base/text.hpp"
#include "harness/model/shell_words.hpp"
#include "harness/model/verb_parser.hpp"

using namespace nestbox;

namespace {

void check(bool holds) {
  if (!holds)
    std::abort();
}

TopologyMachine machine(std::string name, const std::vector<std::string>& networks) {
  TopologyMachine result;
  result.name = std::move(name);
  for (const std::string& network : networks)
    result.links.push_back({network, {}, {}});
  return result;
}

const Topology& duo() {
  static const Topology topology = [] {
    Topology duo;
    duo.name = "duo";
    duo.networks.resize(2);
    duo.networks[0].name = "lan";
    duo.networks[1].name = "wan";
    duo.machines = {machine("a", {"lan"}), machine("b", {"lan", "wan"})};
    return duo;
  }();
  return topology;
}

// What is read is printed so that it is read again as the same; a mistake is at one of the words.
void check_verb(const std::vector<std::string>& words, const Topology* topology) {
  auto verb = read_verb(words, topology);
  if (!verb) {
    check(verb.error().word <= words.size() + 1 && !verb.error().message.empty());
    return;
  }
  auto again = read_verb(verb_words(*verb), topology);
  check(again && *again == *verb && to_string(*again) == to_string(*verb));
  // A topology forbids; it allows nothing more.
  check(read_verb(words).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_verb(split(text, '\n'), &duo());

  auto split_text = split_shell_words(text);
  if (!split_text) {
    check(split_text.error() < size);
    return 0;
  }
  std::vector<std::string> words;
  for (const ShellWord& word : *split_text) {
    check(word.offset < size);
    words.push_back(word.text);
  }
  auto quoted = split_shell_words(shell_quote(words));
  check(quoted && quoted->size() == words.size());
  for (std::size_t i = 0; i < words.size(); ++i)
    check(quoted->at(i).text == words[i]);
  check_verb(words, nullptr);
  check_verb(words, &duo());
  return 0;
}
