#include "runner/docker_machine/client.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

/// The options of docker-machine's own ssh, but that a machine must show the key that it has.
std::vector<std::string> ssh_options(const MachineStore& store,
                                     const std::vector<KeptMachine>& machines) {
  std::vector<std::string> options = {"-F", "/dev/null"};
  for (const char* option :
       {"BatchMode=yes", "ConnectTimeout=60", "ControlMaster=no", "ControlPath=none",
        "IdentitiesOnly=yes", "LogLevel=ERROR", "ServerAliveInterval=60",
        "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"})
    options.insert(options.end(), {"-o", option});
  std::string known_hosts;
  for (const KeptMachine& machine : machines)
    known_hosts += " \"" + store.known_hosts(machine.name).string() + '"';
  options.insert(options.end(), {"-o", "UserKnownHostsFile=" + known_hosts.substr(1)});
  for (const KeptMachine& machine : machines)
    options.insert(options.end(), {"-i", store.identity(machine.name)});
  return options;
}

const KeptMachine& named(const std::vector<KeptMachine>& machines, const std::string& name) {
  return *std::ranges::find(machines, name, &KeptMachine::name);
}

std::string login(const KeptMachine& machine, const std::string& user = {}) {
  return (user.empty() ? machine.user : user) + '@' + machine.address;
}

/// For scp, to which each machine may have a port of its own.
std::string as_uri(const std::vector<KeptMachine>& machines, const CopyPath& side) {
  if (!side.machine)
    return side.path;
  std::string path;
  for (const unsigned char c : side.path)
    path +=
        std::isalnum(c) || std::string_view("/._-~").find(static_cast<char>(c)) != std::string::npos
            ? std::string(1, static_cast<char>(c))
            : fmt::format("%{:02X}", c);
  const KeptMachine& machine = named(machines, *side.machine);
  return fmt::format("scp://{}:{}/{}", login(machine, side.user), machine.port, path);
}

std::string for_rsync(const std::vector<KeptMachine>& machines, const CopyPath& side) {
  return side.machine ? login(named(machines, *side.machine), side.user) + ':' + side.path
                      : side.path;
}

Json description(const MachineStore& store, const KeptMachine& machine) {
  const fs::path own = store.directory(machine.name);
  const fs::path common = store.certificates();
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
            {"EngineOptions", {{"Labels", machine.labels}, {"TlsVerify", true}}},
            {"AuthOptions",
             {{"CertDir", common.string()},
              {"CaCertPath", (common / "ca.pem").string()},
              {"CaPrivateKeyPath", (common / "ca-key.pem").string()},
              {"ServerCertPath", (own / "server.pem").string()},
              {"ServerKeyPath", (own / "server-key.pem").string()},
              {"ClientCertPath", (common / "cert.pem").string()},
              {"ClientKeyPath", (common / "key.pem").string()},
              {"ServerCertSANs", machine.hosts},
              {"StorePath", own.string()}}}}},
          {"Name", machine.name}};
}

/// What a shell evaluates. One that is given these lines unquoted joins them to one: each ends with
/// ';', and the comment comes last.
struct Shell {
  std::string set;    ///< before the name
  std::string equal;  ///< between the name and its value
  std::string unset;
  std::string comment;
  std::string evaluate;  ///< {}: the command
};

Shell shell_called(const std::string& name) {
  if (name == "fish")
    return {"set -gx ", " ", "set -e ", "#", "eval ({})"};
  if (name == "tcsh" || name == "csh")
    return {"setenv ", " ", "unsetenv ", ":", "eval `{}`"};
  if (name == "powershell" || name == "cmd" || name == "emacs")
    throw Error(ErrorCode::unsupported, "lines for the shell '" + name + "' cannot be written here",
                "those for bash, fish and tcsh can");
  return {"export ", "=", "unset ", "#", "eval $({})"};
}

std::string how_to_evaluate(const Shell& shell, const std::string& argument) {
  return fmt::format(
      "{0} Run this command to configure your shell: \n{0} {1}\n", shell.comment,
      fmt::format(fmt::runtime(shell.evaluate), "nestbox docker-machine env " + argument));
}

}  // namespace

std::vector<std::string> ssh_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& words) {
  std::vector<std::string> argv = {"ssh"};
  const std::vector<std::string> options = ssh_options(store, {machine});
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"-p", std::to_string(machine.port), login(machine)});
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

CopyPath parse_copy_path(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('/') < colon)
    return {.path = text};
  const std::size_t at = text.find('@');
  const std::size_t name = at < colon ? at + 1 : 0;
  return {.path = text.substr(colon + 1),
          .user = text.substr(0, name == 0 ? 0 : at),
          .machine = text.substr(name, colon - name)};
}

std::vector<std::string> copy_argv(const MachineStore& store,
                                   const std::vector<KeptMachine>& machines, const CopyPath& from,
                                   const CopyPath& to, const CopyOptions& options) {
  std::vector<std::string> ssh = ssh_options(store, machines);
  std::vector<std::string> argv;
  if (options.delta) {
    if (from.machine && to.machine)
      throw Error(ErrorCode::unsupported, "rsync copies nothing from one machine to another",
                  "leave out '-d', or copy to this host first");
    const KeptMachine& machine = machines.at(0);
    ssh.insert(ssh.begin(), "ssh");
    ssh.insert(ssh.end(), {"-p", std::to_string(machine.port)});
    argv = {"rsync", "-e", shell_quote(ssh)};
    if (!options.quiet)
      argv.emplace_back("--progress");
  } else {
    argv = {"scp", "-3"};
    argv.insert(argv.end(), ssh.begin(), ssh.end());
    if (options.quiet)
      argv.emplace_back("-q");
  }
  if (options.recursive)
    argv.emplace_back("-r");
  const auto write = options.delta ? for_rsync : as_uri;
  argv.insert(argv.end(), {"--", write(machines, from), write(machines, to)});
  return argv;
}

std::string inspect_json(const MachineStore& store, const KeptMachine& machine) {
  return description(store, machine).dump(4);
}

std::string docker_url(const KeptMachine& machine) {
  return machine.docker_version.empty()
             ? ""
             : fmt::format("tcp://{}:{}", machine.address, machine.docker_port);
}

std::string docker_options(const MachineStore& store, const KeptMachine& machine) {
  const fs::path common = store.certificates();
  return fmt::format("--tlsverify\n--tlscacert=\"{}\"\n--tlscert=\"{}\"\n--tlskey=\"{}\"\n-H={}",
                     (common / "ca.pem").string(), (common / "cert.pem").string(),
                     (common / "key.pem").string(), docker_url(machine));
}

std::string environment_lines(const MachineStore& store, const KeptMachine& machine,
                              const std::string& name, const std::optional<NoProxy>& no_proxy) {
  const Shell shell = shell_called(name);
  const auto set = [&](const std::string& variable, const std::string& value) {
    return shell.set + variable + shell.equal + shell_quote({value}) + ";\n";
  };
  std::string lines = set("DOCKER_TLS_VERIFY", "1") + set("DOCKER_HOST", docker_url(machine))
                      + set("DOCKER_CERT_PATH", store.directory(machine.name))
                      + set("DOCKER_MACHINE_NAME", machine.name);
  if (no_proxy) {
    std::vector<std::string> hosts = split(no_proxy->hosts, ',');
    std::erase(hosts, "");
    if (std::ranges::find(hosts, machine.address) == hosts.end())
      hosts.push_back(machine.address);
    lines += set(no_proxy->variable, join(hosts, ","));
  }
  return lines + how_to_evaluate(shell, machine.name);
}

std::string unset_lines(const std::string& name) {
  const Shell shell = shell_called(name);
  std::string lines;
  for (const char* variable :
       {"DOCKER_TLS_VERIFY", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_MACHINE_NAME"})
    lines += shell.unset + variable + ";\n";
  return lines + how_to_evaluate(shell, "-u");
}

}  // namespace nestbox
