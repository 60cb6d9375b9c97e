#include "runner/docker_machine/client.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

/// The options of docker-machine's own ssh, but that the machine must show the key that it has.
std::vector<std::string> ssh_options(const MachineStore& store, const KeptMachine& machine) {
  std::vector<std::string> options = {"-F", "/dev/null"};
  for (const char* option :
       {"BatchMode=yes", "ConnectTimeout=60", "ControlMaster=no", "ControlPath=none",
        "IdentitiesOnly=yes", "LogLevel=ERROR", "ServerAliveInterval=60",
        "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"})
    options.insert(options.end(), {"-o", option});
  options.insert(options.end(),
                 {"-o", "UserKnownHostsFile=\"" + store.known_hosts(machine.name).string() + '"',
                  "-i", store.identity(machine.name)});
  return options;
}

std::string login(const KeptMachine& machine) {
  return machine.user + '@' + machine.address;
}

Json description(const MachineStore& store, const KeptMachine& machine) {
  return {{"ConfigVersion", 3},
          {"Driver",
           {{"IPAddress", machine.address},
            {"MachineName", machine.name},
            {"SSHUser", machine.user},
            {"SSHPort", machine.port},
            {"SSHKeyPath", store.identity(machine.name).string()},
            {"PrivateIPAddress", machine.private_address},
            {"StorePath", store.root().string()}}},
          {"DriverName", machine.driver},
          {"HostOptions",
           {{"Driver", ""},
            {"Memory", 0},
            {"Disk", 0},
            {"EngineOptions", {{"TlsVerify", false}}},
            {"AuthOptions", {{"StorePath", store.directory(machine.name).string()}}}}},
          {"Name", machine.name}};
}

/// What ".Driver.IPAddress" leads to.
const Json& field(const Json& document, std::string_view path) {
  const Json* found = &document;
  for (const std::string& name : split(path.substr(1), '.')) {
    if (name.empty())
      continue;
    if (!found->is_object() || !found->contains(name))
      throw Error(ErrorCode::usage, fmt::format("a machine's description has no '{}'", path),
                  "'nestbox docker-machine inspect' without a template prints all there is");
    found = &(*found)[name];
  }
  return *found;
}

// A shell that is given these lines unquoted joins them to one: each ends with ';', and the comment
// comes last.
std::string unset_line(const std::string& shell, const std::string& name) {
  return (shell == "fish" ? "set -e " : "unset ") + name + ";\n";
}

std::string how_to_evaluate(const std::string& shell, const std::string& argument) {
  return fmt::format("# Run this command to configure your shell:\n# eval {}nestbox "
                     "docker-machine env {})\n",
                     shell == "fish" ? "(" : "$(", argument);
}

std::string evaluate(const Json& document, std::string_view action) {
  std::vector<std::string> words;
  for (const std::string& word : split(action, ' '))
    if (!word.empty())
      words.push_back(word);
  const bool converts = words.size() == 2 && (words[0] == "json" || words[0] == "prettyjson");
  if (words.empty() || !words.back().starts_with('.') || (words.size() != 1 && !converts))
    throw Error(ErrorCode::usage,
                fmt::format("the template '{{{{{}}}}}' is not understood", action),
                "what is: {{.Field.Field}}, {{json .Field}}, {{prettyjson .Field}}");
  const Json& value = field(document, words.back());
  if (converts)
    return value.dump(words[0] == "json" ? -1 : 4);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::vector<std::string> ssh_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& words) {
  std::vector<std::string> argv = {"ssh"};
  const std::vector<std::string> options = ssh_options(store, machine);
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"-p", std::to_string(machine.port), login(machine)});
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

std::string machine_of_path(const std::string& path) {
  const std::size_t colon = path.find(':');
  return colon == std::string::npos || path.find('/') < colon ? "" : path.substr(0, colon);
}

std::vector<std::string> scp_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& paths, bool recursive) {
  std::vector<std::string> argv = {"scp", "-q"};
  const std::vector<std::string> options = ssh_options(store, machine);
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"-P", std::to_string(machine.port)});
  if (recursive)
    argv.push_back("-r");
  argv.push_back("--");
  for (const std::string& path : paths) {
    const std::string name = machine_of_path(path);
    argv.push_back(name.empty() ? path : login(machine) + path.substr(name.size()));
  }
  return argv;
}

std::string inspect_json(const MachineStore& store, const KeptMachine& machine) {
  return description(store, machine).dump(4);
}

std::string format_inspected(const std::string& json, const std::string& text) {
  const Json document = Json::parse(json);
  std::string result;
  std::size_t done = 0;
  while (true) {
    const std::size_t begin = text.find("{{", done);
    result += text.substr(done, begin - done);
    if (begin == std::string::npos)
      return result;
    const std::size_t end = text.find("}}", begin);
    if (end == std::string::npos)
      throw Error(ErrorCode::usage, "the template '" + text + "' lacks its '}}'");
    result += evaluate(document, std::string_view(text).substr(begin + 2, end - begin - 2));
    done = end + 2;
  }
}

std::string docker_url(const MachineStore& store, const KeptMachine& machine) {
  return "unix://" + store.docker_socket(machine.name).string();
}

std::string environment_lines(const MachineStore& store, const KeptMachine& machine,
                              const std::string& shell) {
  const bool fish = shell == "fish";
  const auto set = [&](const std::string& name, const std::string& value) {
    return fmt::format(fmt::runtime(fish ? "set -gx {} {};\n" : "export {}={};\n"), name,
                       shell_quote({value}));
  };
  // What a former machine may have left would have docker speak TLS to a socket.
  return unset_line(shell, "DOCKER_TLS_VERIFY") + unset_line(shell, "DOCKER_CERT_PATH")
         + set("DOCKER_HOST", docker_url(store, machine)) + set("DOCKER_MACHINE_NAME", machine.name)
         + how_to_evaluate(shell, machine.name);
}

std::string unset_lines(const std::string& shell) {
  std::string lines;
  for (const char* name :
       {"DOCKER_TLS_VERIFY", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_MACHINE_NAME"})
    lines += unset_line(shell, name);
  return lines + how_to_evaluate(shell, "-u");
}

}  // namespace nestbox
