#include "harness/model/verb_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/base/text.hpp"
#include "harness/model/name_rules.hpp"
#include "harness/model/verb_arguments.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_most_words = 4096;
constexpr Bytes k_most_text = mebibytes(1);
constexpr std::size_t k_longest_path = 4096;

const VerbUsage& usage_of(std::string_view name) {
  const std::vector<VerbUsage>& all = verb_usages();
  return *std::find_if(all.begin(), all.end(),
                       [name](const VerbUsage& usage) { return usage.name == name; });
}

class VerbReader {
public:
  VerbReader(const std::vector<std::string>& words, const Topology* topology)
      : m_words(words), m_names(topology) {}

  Verb read() {
    check_size();
    const std::string& name = m_words.front();
    if (name == "exec")
      return exec();
    if (name == "copy")
      return copy();
    if (name == "wait-for")
      return wait_for();
    if (name == "net")
      return net();
    if (name == "barrier")
      return barrier();
    if (name == "connect")
      return connect();
    if (name == "machines")
      return MachinesVerb{json_only("machines", 1)};
    unknown({name, 0}, "verb",
            {"exec", "copy", "wait-for", "net", "barrier", "connect", "machines"});
  }

private:
  void check_size() const {
    if (m_words.empty())
      refuse_word(0, "a verb is missing", "such as 'exec', 'copy', 'wait-for' or 'net'");
    std::size_t size = 0;
    for (std::size_t i = 0; i < m_words.size(); ++i) {
      size += m_words[i].size();
      if (m_words[i].find('\0') != std::string::npos)
        refuse_word(i, "this word holds a zero byte");
      if (i == k_most_words || size > k_most_text.count)
        refuse_word(
            i, fmt::format("longer than {} words or {}", k_most_words, format_bytes(k_most_text)),
            "put it in a script of its own");
    }
  }

  [[noreturn]] static void unknown(const VerbWord& word, std::string_view what,
                                   const std::vector<std::string>& known) {
    refuse_word(word.index, fmt::format("unknown {} '{}'", what, printable(word.text)),
                suggestion(word.text, known, "it can be "));
  }

  bool json_only(std::string_view name, std::size_t first) const {
    VerbArguments arguments(m_words, first, usage_of(name), {"--json"});
    arguments.finish();
    return arguments.has("--json");
  }

  ExecVerb exec() const {
    VerbArguments arguments(m_words, 1, usage_of("exec"),
                            {"--timeout T", "--cwd DIR", "--env K=V"});
    ExecVerb verb;
    verb.machines = m_names.machines(arguments.take("a machine"));
    if (arguments.has("--timeout"))
      verb.timeout = arguments.timeout({});
    for (const VerbWord& directory : arguments.values("--cwd"))
      verb.directory = machine_path(directory);
    for (const VerbWord& variable : arguments.values("--env")) {
      std::size_t equals = variable.text.find('=');
      std::string name = variable.text.substr(0, equals);
      if (equals == std::string::npos || !is_variable_name(name))
        refuse_word(variable.index, fmt::format("'{}' sets no variable", printable(variable.text)),
                    "write NAME=value");
      if (!verb.variables.emplace(name, variable.text.substr(equals + 1)).second)
        refuse_word(variable.index, fmt::format("variable '{}' is set twice", name));
    }
    verb.command = arguments.take_command();
    arguments.finish();
    return verb;
  }

  CopyVerb copy() const {
    VerbArguments arguments(m_words, 1, usage_of("copy"), {});
    VerbWord source = arguments.take("its source");
    VerbWord destination = arguments.take("its destination");
    arguments.finish();
    CopyVerb verb{copy_end(source), copy_end(destination)};
    if (verb.from.machines.size() > 1)
      refuse_word(source.index, "a copy has one source");
    if (verb.from.machines.empty() && verb.to.machines.empty())
      refuse_word(source.index, "neither end of this copy is in a machine",
                  "write 'machine:/path' for what is in a machine");
    return verb;
  }

  /// "a,b:/path" or a path of the caller's: as with scp, a ':' before any '/' makes the difference.
  CopyEnd copy_end(const VerbWord& word) const {
    std::size_t colon = word.text.find(':');
    if (colon == std::string::npos || colon > word.text.find('/'))
      return {{}, caller_path(word)};
    return {m_names.machines({word.text.substr(0, colon), word.index}),
            machine_path({word.text.substr(colon + 1), word.index})};
  }

  static std::string machine_path(const VerbWord& word) {
    if (!is_machine_path(word.text))
      refuse_word(word.index,
                  fmt::format("'{}' must be an absolute path without '..'", printable(word.text)));
    return word.text;
  }

  static std::string caller_path(const VerbWord& word) {
    if (word.text.empty() || word.text.size() > k_longest_path)
      refuse_word(word.index, "a path has 1 to 4096 bytes");
    return word.text;
  }

  WaitForVerb wait_for() const {
    VerbArguments arguments(m_words, 1, usage_of("wait-for"), {"--timeout T"}, "output");
    WaitForVerb verb;
    verb.machines = m_names.machines(arguments.take("a machine"));
    VerbWord kind = arguments.take("what to wait for");
    if (kind.text == "port")
      verb.condition = PortOpen{port(arguments.take("the port"))};
    else if (kind.text == "unit")
      verb.condition = UnitActive{unit(arguments.take("the unit"))};
    else if (kind.text == "file")
      verb.condition = FileExists{machine_path(arguments.take("the file"))};
    else if (kind.text == "output")
      verb.condition = output(arguments);
    else
      unknown(kind, "condition", {"port", "unit", "file", "output"});
    verb.timeout = arguments.timeout(verb.timeout);
    arguments.finish();
    return verb;
  }

  static int port(const VerbWord& word) {
    int port = 0;
    const char* end = word.text.data() + word.text.size();
    auto [stop, error] = std::from_chars(word.text.data(), end, port);
    if (error != std::errc() || stop != end || port < 1 || port > 65535)
      refuse_word(word.index, fmt::format("'{}' is no port", printable(word.text)),
                  "a port is a number from 1 to 65535");
    return port;
  }

  static std::string unit(const VerbWord& word) {
    if (!is_unit_name(word.text))
      refuse_word(word.index,
                  fmt::format("'{}' cannot name a unit of systemd", printable(word.text)));
    return word.text;
  }

  static OutputHolds output(VerbArguments& arguments) {
    VerbWord text = arguments.take("the text to wait for");
    if (text.text.empty() || text.text.find('\n') != std::string::npos)
      refuse_word(text.index, "the text to wait for is a part of one line");
    return {text.text, arguments.take_command()};
  }

  NetVerb net() const {
    if (m_words.size() < 2)
      refuse_word(1, "'net' lacks what to do", "such as 'show', 'partition', 'heal' or 'set'");
    VerbWord name{m_words[1], 1};
    if (name.text == "show")
      return ShowNetworks{json_only("net show", 2)};
    if (name.text == "counters")
      return ShowCounters{json_only("net counters", 2)};
    if (name.text == "partition")
      return partition();
    if (name.text == "heal")
      return heal();
    if (name.text == "set")
      return set_impairment();
    if (name.text == "reset")
      return ResetLink{only_link("net reset")};
    if (name.text == "up" || name.text == "down")
      return SwitchLink{only_link("net " + name.text), name.text == "up"};
    if (name.text == "capture")
      return capture();
    if (name.text == "capture-stop")
      return StopCapture{only_link("net capture-stop")};
    unknown(name, "word after 'net':",
            {"show", "partition", "heal", "set", "reset", "up", "down", "capture", "capture-stop",
             "counters"});
  }

  LinkName only_link(std::string_view name) const {
    VerbArguments arguments(m_words, 2, usage_of(name), {});
    LinkName link = m_names.link(arguments.take("a link"));
    arguments.finish();
    return link;
  }

  std::string network_option(const VerbArguments& arguments) const {
    std::vector<VerbWord> given = arguments.values("--network");
    return given.empty() ? std::string() : m_names.network(given.front());
  }

  Partition partition() const {
    VerbArguments arguments(m_words, 2, usage_of("net partition"), {"--network N"});
    Partition verb;
    verb.network = network_option(arguments);
    verb.groups.emplace_back();
    std::vector<std::string> seen;
    std::size_t last = 1;
    for (const VerbWord& word : arguments.take_rest()) {
      last = word.index;
      add_to_groups(word, seen, verb);
    }
    if (verb.groups.back().empty())
      refuse_word(last, "a group of this partition is empty",
                  "write machines and '|' between the groups: a,b '|' c");
    return verb;
  }

  /// A word may be "a,b|c" or a part of it: what a shell makes of `a,b | c`, quoted or not.
  void add_to_groups(const VerbWord& word, std::vector<std::string>& seen, Partition& verb) const {
    std::vector<std::string> parts = split(word.text, '|');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i > 0 && verb.groups.back().empty())
        refuse_word(word.index, "a group of this partition is empty",
                    "write machines and '|' between the groups: a,b '|' c");
      if (i > 0)
        verb.groups.emplace_back();
      std::replace(parts[i].begin(), parts[i].end(), ',', ' ');
      for (const std::string& text : split(parts[i], ' ')) {
        if (text.empty())
          continue;
        std::string name = m_names.machine({text, word.index});
        if (std::find(seen.begin(), seen.end(), name) != seen.end())
          refuse_word(word.index, fmt::format("machine '{}' is named twice", name));
        if (seen.size() == k_most_machines)
          refuse_word(word.index, fmt::format("more than {} machines", k_most_machines));
        if (!verb.network.empty())
          m_names.check_stands_on(word, name, verb.network);
        seen.push_back(name);
        verb.groups.back().push_back(std::move(name));
      }
    }
  }

  Heal heal() const {
    VerbArguments arguments(m_words, 2, usage_of("net heal"), {"--network N"});
    arguments.finish();
    return {network_option(arguments)};
  }

  SetImpairment set_impairment() const {
    VerbArguments arguments(m_words, 2, usage_of("net set"), {});
    SetImpairment verb;
    verb.link = m_names.link(arguments.take("a link"));
    VerbWord first = arguments.take("an impairment");
    std::vector<VerbWord> words = arguments.take_rest();
    words.insert(words.begin(), first);
    arguments.finish();
    std::string text;
    for (const VerbWord& word : words)
      text += (text.empty() ? "" : " ") + word.text;
    Result<Impairment> impairment = catch_error([&text] { return parse_impairment(text); });
    if (!impairment)
      refuse_word(blamed_word(impairment.error(), words), impairment.error().message,
                  impairment.error().hint);
    verb.impairment = *impairment;
    return verb;
  }

  /// The last word that the error names, by itself or by its key; else the first.
  static std::size_t blamed_word(const Error& error, const std::vector<VerbWord>& words) {
    auto names = [&error](const VerbWord& word) {
      std::string key = word.text.substr(0, word.text.find('='));
      return error.message.starts_with("'" + word.text + "'")
             || error.message.starts_with("'" + key + "'");
    };
    auto blamed = std::find_if(words.rbegin(), words.rend(), names);
    return blamed == words.rend() ? words.front().index : blamed->index;
  }

  StartCapture capture() const {
    VerbArguments arguments(m_words, 2, usage_of("net capture"), {});
    StartCapture verb;
    verb.link = m_names.single_link(arguments.take("a link"));
    verb.file = caller_path(arguments.take("a file"));
    arguments.finish();
    return verb;
  }

  BarrierVerb barrier() const {
    VerbArguments arguments(m_words, 1, usage_of("barrier"), {"--of MACHINES", "--timeout T"});
    BarrierVerb verb;
    VerbWord name = arguments.take("a name");
    if (!is_environment_name(name.text))
      refuse_word(name.index, fmt::format("'{}' cannot name a barrier", printable(name.text)),
                  "use letters, digits, '.', '_' and '-', at most 64");
    verb.name = name.text;
    for (const VerbWord& machines : arguments.values("--of"))
      verb.machines = m_names.machines(machines);
    verb.timeout = arguments.timeout(verb.timeout);
    arguments.finish();
    return verb;
  }

  ConnectVerb connect() const {
    VerbArguments arguments(m_words, 1, usage_of("connect"), {});
    const VerbWord name = arguments.take("a machine");
    arguments.finish();
    const std::vector<std::string> machines = m_names.machines(name);
    if (machines.size() > 1)
      refuse_word(name.index, "a connection leads to one machine");
    return {machines.front()};
  }

  const std::vector<std::string>& m_words;
  VerbNames m_names;
};

}  // namespace

tl::expected<Verb, VerbMistake> read_verb(const std::vector<std::string>& words,
                                          const Topology* topology) {
  try {
    return VerbReader(words, topology).read();
  } catch (VerbMistake& mistake) {
    return tl::unexpected(std::move(mistake));
  }
}

Verb parse_verb(const std::vector<std::string>& words, const Topology* topology) {
  tl::expected<Verb, VerbMistake> verb = read_verb(words, topology);
  if (!verb)
    throw Error(ErrorCode::usage, verb.error().message, verb.error().hint);
  return std::move(*verb);
}

}  // namespace nestbox
