#include "runner/docker_machine/command_line.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/certificates.hpp"

namespace nestbox {
namespace {

struct Known {
  const char* name;
  const char* arguments;
  const char* summary;
};

constexpr Known k_commands[] = {
    {"active", "", "Print the machine that DOCKER_HOST leads to"},
    {"config", "[NAME]", "Options for a docker that is to speak to that of a machine"},
    {"create", "-d DRIVER [OPTIONS] NAME", "Make a machine: a fork of a virtual machine"},
    {"env", "[--shell SHELL] [-u] [NAME]", "Say how the docker in a machine is reached"},
    {"help", "", "Print this"},
    {"inspect", "[-f TEMPLATE] [NAME]", "Describe a machine"},
    {"ip", "[NAME...]", "Print the addresses of machines"},
    {"kill", "[NAME...]", "As stop"},
    {"ls", "[-q] [-f TEMPLATE] [--filter KEY=VALUE]", "List the machines"},
    {"provision", "[NAME...]", "As regenerate-certs"},
    {"regenerate-certs", "[-f] [NAME...]", "Give dockers new certificates, and start them again"},
    {"rm", "[-f] [-y] NAME...", "Remove machines"},
    {"scp", "[-d] [-r] [NAME:]PATH [NAME:]PATH", "Copy files from a machine, or to one, or both"},
    {"ssh", "[NAME] [WORDS...]", "Run a command in a machine, or a shell"},
    {"start", "[NAME...]", "Nothing, for machines that run"},
    {"status", "[NAME]", "Say whether a machine runs"},
    {"stop", "[NAME...]", "End machines, for good"},
    {"url", "[NAME]", "As DOCKER_HOST of env"},
    {"version", "[NAME]", "Print the version, or that of a machine's docker"},
};

struct Unsupported {
  const char* name;
  const char* why;
  const char* hint;
};
/// What docker-machine has besides.
constexpr Unsupported k_unsupported[] = {
    {"mount", "a machine's directories cannot be mounted here", "copy them: 'docker-machine scp'"},
    {"restart", "a machine that reboots is gone: it cannot be restarted",
     "remove it and create it anew, which takes no longer"},
    {"upgrade", "a machine has the docker of its environment, which cannot be upgraded",
     "choose another in nestbox.yml, and '--nestbox-environment'"},
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

/// Options of the engine, which are the same whatever the driver. False: it is none of them.
bool read_engine(Words& words, EngineOptions& engine) {
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"--engine-opt", &engine.flags},
      {"--engine-label", &engine.labels},
      {"--engine-insecure-registry", &engine.insecure_registries},
      {"--engine-registry-mirror", &engine.registry_mirrors},
      {"--engine-env", &engine.environment},
      {"--tls-san", &engine.hosts},
  };
  std::string value;
  const auto list = std::ranges::find_if(
      lists, [&](const auto& entry) { return words.take_value({entry.first}, value); });
  if (list != std::end(lists))
    list->second->push_back(value);
  else if (words.take_value({"--engine-storage-driver"}, value))
    engine.storage_driver = value;
  else
    return false;
  if (value.find('\n') != std::string::npos)
    throw Error(ErrorCode::usage, "an option of the engine must be one line");
  if (list != std::end(lists) && list->second == &engine.hosts && !is_certificate_host(value))
    throw Error(ErrorCode::usage, "'" + printable(value) + "' is neither a name nor an address",
                "as in '--tls-san db.example.com'");
  return true;
}

/// Which options take a value only their driver knows; the name is the last word in any case.
void read_create(Words& words, DockerMachineCall& call) {
  const std::vector<std::string> all = words.rest();
  if (all.empty() || all.back().starts_with('-'))
    throw Error(ErrorCode::usage, "'docker-machine create' needs the new machine's name",
                "the name comes last");
  call.names = {all.back()};
  const std::vector<std::string> before(all.begin(), all.end() - 1);
  Words options(before);
  while (!options.done()) {
    std::string value;
    if (options.take_value({"-d", "--driver"}, call.driver)
        || options.take_value({"--nestbox-environment"}, call.environment)
        || read_engine(options, call.engine))
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
    if (option.starts_with("--swarm"))
      throw Error(ErrorCode::unsupported, "machines here form no swarm: '" + option + "'",
                  "docker's own swarm mode needs no such option: 'docker swarm init'");
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
  std::string filter;
  while (words.at_option()) {
    const std::string& command = call.command;
    const auto set = [&](std::initializer_list<std::string_view> names, bool& value) {
      return words.take_switch(names) && (value = true);
    };
    const auto take_filter = [&] {
      const bool taken = words.take_value({"--filter"}, filter);
      if (taken)
        call.filters.push_back(filter);
      return taken;
    };
    const bool known =
        (command == "ls"
         && (set({"-q", "--quiet"}, call.quiet) || take_filter()
             || words.take_value({"-f", "--format"}, call.format)
             || words.take_value({"-t", "--timeout"}, ignored)))
        || (command == "rm" && (set({"-f", "--force"}, call.force) || words.take_switch({"-y"})))
        || (command == "scp"
            && (set({"-r", "--recursive"}, call.copy.recursive)
                || set({"-d", "--delta"}, call.copy.delta)
                || set({"-q", "--quiet"}, call.copy.quiet)))
        || (command == "inspect" && words.take_value({"-f", "--format"}, call.format))
        || (command == "env"
            && (set({"-u", "--unset"}, call.unset) || set({"--no-proxy"}, call.no_proxy)
                || words.take_value({"--shell"}, call.shell)))
        || (command == "regenerate-certs" && words.take_switch({"-f", "--force", "--client-certs"}))
        || ((command == "active" || command == "status")
            && words.take_value({"-t", "--timeout"}, ignored));
    if (!known)
      words.refuse(command);
  }
}

/// Commands for which no name means none, rather than the default.
bool needs_no_name(const DockerMachineCall& call) {
  return call.command == "ls" || call.command == "version" || call.command == "active"
         || (call.command == "env" && call.unset);
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
  for (const Unsupported& command : k_unsupported)
    if (call.command == command.name)
      throw Error(ErrorCode::unsupported, command.why, command.hint);
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
    if (call.command == "active" && !call.names.empty())
      throw Error(ErrorCode::usage, "'docker-machine active' takes no name",
                  "'docker-machine env NAME' says how to make one active");
    if (call.command != "scp" && call.names.empty() && !needs_no_name(call))
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
    text += fmt::format("  {:<46} {}\n", fmt::format("{} {}", command.name, command.arguments),
                        command.summary);
  return text;
}

}  // namespace nestbox
