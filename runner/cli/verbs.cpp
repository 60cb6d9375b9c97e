#include "runner/cli/verbs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/guest/verb_client.hpp"
#include "harness/model/verb_usage.hpp"
#include "runner/cli/console.hpp"

namespace nestbox {
namespace {

constexpr char k_footer[] = R"(
Works in a test that has a topology, on each of its machines and on the host.
Exit codes: the command's own; 0 done, 2 makes no sense, 124 its time was over,
125 it could not be done.
)";

/// The rows of a name: one, or those of "net …".
std::vector<VerbUsage> rows_of(const std::string& name) {
  std::vector<VerbUsage> rows;
  for (const VerbUsage& usage : verb_usages())
    if (usage.name == name || usage.name.starts_with(name + " "))
      rows.push_back(usage);
  return rows;
}

bool asks_for_help(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  return words.size() == 1 ? words[0] != "machines"
                           : std::any_of(words.begin(), dashes, [](const std::string& word) {
                               return word == "--help" || word == "-h";
                             });
}

std::string help_of(const std::string& name) {
  std::string text;
  for (const VerbUsage& usage : rows_of(name))
    text += fmt::format("nestbox {} {}\n    {}\n", usage.name, usage.arguments, usage.summary);
  return text + k_footer;
}

bool is_in_a_world() {
  const char* socket = std::getenv(k_host_socket_variable);
  return (socket && *socket) || ::access(k_host_socket, F_OK) == 0;
}

}  // namespace

const std::vector<std::string>& verb_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const VerbUsage& usage : verb_usages())
      if (const std::string name(usage.name.substr(0, usage.name.find(' ')));
          found.empty() || found.back() != name)
        found.push_back(name);
    return found;
  }();
  return names;
}

std::string verb_summary(const std::string& name) {
  const std::vector<VerbUsage> rows = rows_of(name);
  return rows.size() == 1 ? std::string(rows[0].summary)
                          : "see, cut, impair and capture the networks between machines";
}

int do_verb(const std::vector<std::string>& words) {
  if (asks_for_help(words)) {
    write_all(STDOUT_FILENO, help_of(words[0]));
    return 0;
  }
  if (!is_in_a_world())
    throw Error(ErrorCode::not_found,
                fmt::format("there is no world here: {} is not set", k_host_socket_variable),
                fmt::format("'nestbox {}' works in a test that has a topology", words[0]));
  std::vector<std::string> copy = words;
  copy.insert(copy.begin(), "nestbox");
  std::vector<char*> argv;
  for (std::string& word : copy)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  return verb_main(static_cast<int>(copy.size()), argv.data());
}

}  // namespace nestbox
