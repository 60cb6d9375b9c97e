#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/model/verb_parser.hpp"

namespace nestbox {

namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

/// One that cannot be taken for an option.
std::string caller_path(const std::string& path) {
  return (path.starts_with("--") ? "./" : "") + path;
}

/// Nor for a path in a machine.
std::string copy_end(const CopyEnd& end) {
  if (!end.machines.empty())
    return join(end.machines, ",") + ":" + end.path;
  std::size_t colon = end.path.find(':');
  bool ambiguous = colon != std::string::npos && colon < end.path.find('/');
  return ambiguous ? "./" + end.path : caller_path(end.path);
}

std::string link_name(const LinkName& link) {
  return link.network.empty() ? link.machine : link.machine + "@" + link.network;
}

void add_timeout(Words& words, milliseconds timeout) {
  words.insert(words.end(), {"--timeout", canonical_duration(timeout)});
}

void add_usual_timeout(Words& words, milliseconds timeout, milliseconds usual) {
  if (timeout != usual)
    add_timeout(words, timeout);
}

void add_network(Words& words, const std::string& network) {
  if (!network.empty())
    words.insert(words.end(), {"--network", network});
}

void add_command(Words& words, const Words& command) {
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
}

struct ConditionPrinter {
  Words& words;

  void operator()(const PortOpen& open) const {
    words.insert(words.end(), {"port", std::to_string(open.port)});
  }
  void operator()(const UnitActive& active) const {
    words.insert(words.end(), {"unit", active.unit});
  }
  void operator()(const FileExists& exists) const {
    words.insert(words.end(), {"file", exists.path});
  }
  void operator()(const OutputHolds& holds) const {
    words.insert(words.end(), {"output", holds.text});
  }
};

Words with_json(Words words, bool json) {
  if (json)
    words.emplace_back("--json");
  return words;
}

struct NetPrinter {
  Words operator()(const ShowNetworks& verb) const { return with_json({"show"}, verb.json); }
  Words operator()(const ShowCounters& verb) const { return with_json({"counters"}, verb.json); }
  Words operator()(const Partition& verb) const {
    Words words{"partition"};
    for (const Words& group : verb.groups) {
      if (words.size() > 1)
        words.emplace_back("|");
      words.push_back(join(group, ","));
    }
    add_network(words, verb.network);
    return words;
  }
  Words operator()(const Heal& verb) const {
    Words words{"heal"};
    add_network(words, verb.network);
    return words;
  }
  Words operator()(const SetImpairment& verb) const {
    Words words{"set", link_name(verb.link)};
    for (std::string& word : split(to_string(verb.impairment), ' '))
      words.push_back(std::move(word));
    return words;
  }
  Words operator()(const ResetLink& verb) const { return {"reset", link_name(verb.link)}; }
  Words operator()(const SwitchLink& verb) const {
    return {verb.up ? "up" : "down", link_name(verb.link)};
  }
  Words operator()(const StartCapture& verb) const {
    return {"capture", link_name(verb.link), caller_path(verb.file)};
  }
  Words operator()(const StopCapture& verb) const { return {"capture-stop", link_name(verb.link)}; }
};

struct VerbPrinter {
  Words operator()(const ExecVerb& verb) const {
    Words words{"exec", join(verb.machines, ",")};
    if (verb.timeout)
      add_timeout(words, *verb.timeout);
    if (!verb.directory.empty())
      words.insert(words.end(), {"--cwd", verb.directory});
    for (const auto& [name, value] : verb.variables)
      words.insert(words.end(), {"--env", name + "=" + value});
    add_command(words, verb.command);
    return words;
  }
  Words operator()(const CopyVerb& verb) const {
    return {"copy", copy_end(verb.from), copy_end(verb.to)};
  }
  Words operator()(const WaitForVerb& verb) const {
    Words words{"wait-for", join(verb.machines, ",")};
    std::visit(ConditionPrinter{words}, verb.condition);
    add_usual_timeout(words, verb.timeout, WaitForVerb().timeout);
    if (const OutputHolds* holds = std::get_if<OutputHolds>(&verb.condition))
      add_command(words, holds->command);
    return words;
  }
  Words operator()(const NetVerb& verb) const {
    Words words{"net"};
    for (std::string& word : std::visit(NetPrinter{}, verb))
      words.push_back(std::move(word));
    return words;
  }
  Words operator()(const BarrierVerb& verb) const {
    Words words{"barrier", verb.name};
    if (!verb.machines.empty())
      words.insert(words.end(), {"--of", join(verb.machines, ",")});
    add_usual_timeout(words, verb.timeout, BarrierVerb().timeout);
    return words;
  }
  Words operator()(const ConnectVerb& verb) const { return {"connect", verb.machine}; }
  Words operator()(const MachinesVerb& verb) const { return with_json({"machines"}, verb.json); }
};

}  // namespace

std::vector<std::string> verb_words(const Verb& verb) {
  return std::visit(VerbPrinter{}, verb);
}

std::string to_string(const Verb& verb) {
  return shell_quote(verb_words(verb));
}

}  // namespace nestbox
