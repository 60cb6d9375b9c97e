#include "runner/docker_machine/command_line.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

struct Known {
  const char* name;
  const char* arguments;
  const char* summary;
};

constexpr Known k_commands[] = {
    {"create", "-d DRIVER [OPTIONS] NAME", "Make a machine: a fork of a virtual machine"},
    {"config", "[NAME]", "Options for a docker that is to speak to that of a machine"},
    {"env", "[--shell SHELL] [-u] [NAME]", "Say how the docker in a machine is reached"},
    {"inspect", "[-f TEMPLATE] [NAME]", "Describe a machine"},
    {"ip", "[NAME...]", "Print the addresses of machines"},
    {"kill", "[NAME...]", "As stop"},
    {"ls", "[-q]", "List the machines"},
    {"restart", "[NAME...]", "Refused: a machine that reboots is gone"},
    {"rm", "[-f] [-y] NAME...", "Remove machines"},
    {"scp", "[-r] [NAME:]PATH [NAME:]PATH", "Copy files from a machine or to one"},
    {"ssh", "[NAME] [WORDS...]", "Run a command in a machine, or a shell"},
    {"start", "[NAME...]", "Nothing, for machines that run"},
    {"status", "[NAME]", "Say whether a machine runs"},
    {"stop", "[NAME...]", "End machines, for good"},
    {"url", "[NAME]", "As DOCKER_HOST of env"},
    {"version", "", "Print the version"},
    {"help", "", "Print this"},
};

constexpr const char* k_default_machine = "default";

/// Reads words from the front; an option's value is its next word, or what follows its '='.
class Words {
public:
  explicit Words(const std::vector<std::string>& words) : m_words(words) {}

  bool at_option() const {
    return m_next < m_words.size() && m_words[m_next].size() > 1 && m_words[m_next][0] == '-';
  }
  bool done() const { return m_next == m_words.size(); }
  std::string take() { return m_words[m_next++]; }
  std::vector<std::string> rest() {
    std::vector<std::string> left(m_words.begin() + static_cast<std::ptrdiff_t>(m_next),
                                  m_words.end());
    m_next = m_words.size();
    return left;
  }

  /// Takes the next word when it is one of these switches.
  bool take_switch(std::initializer_list<std::string_view> names) {
    if (std::ranges::find(names, m_words[m_next]) == names.end())
      return false;
    ++m_next;
    return true;
  }

  /// Takes the next word, and its value, when it is one of these options.
  bool take_value(std::initializer_list<std::string_view> names, std::string& value) {
    const std::string& word = m_words[m_next];
    const std::size_t equals = word.find('=');
    if (std::ranges::find(names, std::string_view(word).substr(0, equals)) == names.end())
      return false;
    ++m_next;
    if (equals != std::string::npos)
      value = word.substr(equals + 1);
    else if (done())
      throw Error(ErrorCode::usage, "'" + word + "' needs a value");
    else
      value = take();
    return true;
  }

  [[noreturn]] void refuse(const std::string& command) const {
    throw Error(ErrorCode::usage,
                fmt::format("'docker-machine {}' has no option '{}'", command, m_words[m_next]),
                "see 'nestbox docker-machine help'");
  }

private:
  const std::vector<std::string>& m_words;
  std::size_t m_next = 0;
};

std::optional<int> positive(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0
             ? std::optional(number)
             : std::nullopt;
}

bool is_machine_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name[0] != '-' && name[0] != '.'
         && std::ranges::all_of(name, [](unsigned char c) {
              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                     || c == '-' || c == '.';
            });
}

/// Which options take a value only their driver knows; the name is the last word in any case.
void read_create(Words& words, DockerMachineCall& call) {
  const std::vector<std::string> all = words.rest();
  if (all.empty() || all.back().starts_with('-'))
    throw Error(ErrorCode::usage, "'docker-machine create' needs the new machine's name",
                "the name comes last");
  call.options.assign(all.begin(), all.end() - 1);
  call.names = {all.back()};
  Words options(call.options);
  while (!options.done()) {
    std::string value;
    if (options.take_value({"-d", "--driver"}, call.driver)
        || options.take_value({"--nestbox-environment"}, call.environment))
      continue;
    std::string option = options.take();
    const std::size_t equals = option.find('=');
    if (equals != std::string::npos)
      value = option.substr(equals + 1);
    else if (!options.done() && !options.at_option())
      value = options.take();
    option = option.substr(0, equals);
    const auto names = [&](std::string_view what) {
      return option.starts_with("--") && option.ends_with(what);
    };
    if (names("-memory") || names("-memory-size")) {
      if (const auto size = positive(value))
        call.memory = mebibytes(static_cast<std::uint64_t>(*size));
    } else if (names("-cpu-count") || names("-cpus")) {
      call.cores = positive(value);
    }
  }
}

void read_options(Words& words, DockerMachineCall& call) {
  std::string ignored;
  while (words.at_option()) {
    const std::string& command = call.command;
    const bool known =
        (command == "ls"
         && ((words.take_switch({"-q", "--quiet"}) && (call.quiet = true))
             || words.take_value({"--filter", "-t", "--timeout"}, ignored)))
        || (command == "rm"
            && ((words.take_switch({"-f", "--force"}) && (call.force = true))
                || words.take_switch({"-y"})))
        || (command == "scp"
            && ((words.take_switch({"-r", "--recursive"}) && (call.recursive = true))
                || words.take_switch({"-d", "--delta", "-q", "--quiet"})))
        || (command == "inspect" && words.take_value({"-f", "--format"}, call.format))
        || (command == "env"
            && ((words.take_switch({"-u", "--unset"}) && (call.unset = true))
                || words.take_switch({"--swarm", "--no-proxy"})
                || words.take_value({"--shell"}, call.shell)))
        || (command == "status" && words.take_value({"-t", "--timeout"}, ignored));
    if (!known)
      words.refuse(command);
  }
}

}  // namespace

DockerMachineCall parse_docker_machine(const std::vector<std::string>& given) {
  Words words(given);
  DockerMachineCall call;
  std::string ignored;
  while (words.at_option()) {
    if (words.take_switch({"-h", "--help"}))
      return {.command = "help"};
    if (words.take_switch({"-v", "--version"}))
      return {.command = "version"};
    if (!words.take_switch({"-D", "--debug", "--native-ssh"})
        && !words.take_value({"-s", "--storage-path"}, call.storage_path)
        && !words.take_value({"--tls-ca-cert", "--tls-ca-key", "--tls-client-cert",
                              "--tls-client-key", "--github-api-token", "--bugsnag-api-token"},
                             ignored))
      throw Error(ErrorCode::usage, "docker-machine has no option '" + words.take() + "'",
                  "see 'nestbox docker-machine help'");
  }
  call.command = words.done() ? "help" : words.take();
  std::vector<std::string> known;
  for (const Known& command : k_commands)
    known.emplace_back(command.name);
  if (std::ranges::find(known, call.command) == known.end()) {
    const std::string near = did_you_mean(call.command, known);
    throw Error(ErrorCode::usage, "unknown command 'docker-machine " + call.command + "'",
                near.empty() ? "see 'nestbox docker-machine help'" : near);
  }
  if (call.command == "create") {
    read_create(words, call);
  } else if (call.command == "ssh") {
    call.names = {words.done() ? k_default_machine : words.take()};
    call.words = words.rest();
  } else {
    read_options(words, call);
    (call.command == "scp" ? call.words : call.names) = words.rest();
    if (call.command == "scp" && call.words.size() != 2)
      throw Error(ErrorCode::usage,
                  "'docker-machine scp' needs two paths, from where and to where");
    if (call.command == "rm" && call.names.empty())
      throw Error(ErrorCode::usage, "'docker-machine rm' needs the machine's name");
    if (call.command != "scp" && call.command != "ls" && call.names.empty())
      call.names = {k_default_machine};
  }
  for (const std::string& name : call.names)
    if (!is_machine_name(name))
      throw Error(ErrorCode::usage, "'" + printable(name) + "' cannot name a machine",
                  "use letters, digits, '-' and '.', at most 63");
  return call;
}

std::string docker_machine_usage() {
  std::string text = "usage: nestbox docker-machine COMMAND ...\n\n"
                     "docker-machine's command line, over virtual machines that nestbox forks.\n\n";
  for (const Known& command : k_commands)
    text += fmt::format("  {:<44} {}\n", fmt::format("{} {}", command.name, command.arguments),
                        command.summary);
  return text;
}

}  // namespace nestbox
