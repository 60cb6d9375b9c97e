#include "runner/docker_machine/front.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/client.hpp"
#include "runner/docker_machine/command_line.hpp"
#include "runner/docker_machine/keeper_process.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

/// The first machine builds the environment.
constexpr std::chrono::minutes k_create_time{60};

KeptMachine running_machine(const MachineStore& store, const std::string& name) {
  KeptMachine machine = store.get(name);
  if (!is_running(machine) || machine.port == 0)
    throw Error(ErrorCode::lost, "docker machine '" + name + "' is not running",
                "it lived in a process that has ended; make it anew, after 'nestbox docker-machine "
                "rm -f "
                    + name + "'");
  return machine;
}

/// Becomes another program, with the signals as they were given to us.
[[noreturn]] void become(std::vector<std::string> words) {
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  std::cout.flush();
  ::execvp(argv[0], argv.data());
  throw Error(ErrorCode::unsupported, fmt::format("cannot run '{}'", words[0]),
              "apt-get install openssh-client");
}

int create(MachineStore& store, const DockerMachineCall& call) {
  const std::string& name = call.names[0];
  store.add({.name = name,
             .driver = call.driver.empty() ? "virtualbox" : call.driver,
             .options = call.options});
  ScopeExit rollback([&] {
    const auto machine = catch_error([&] { return store.find(name); });
    if (machine && *machine)
      end_keeper(**machine);
    store.remove(name);
  });
  std::cout << "Creating machine...\n" << std::flush;
  run_checked({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
                        store.identity(name)}},
              Deadline::after(60s));
  start_keeper(store, {store.root(), name, call.environment, call.memory, call.cores},
               Deadline::after(k_create_time), {});
  rollback.dismiss();
  std::cout << "Docker is up and running!\nTo see how to connect your Docker Client to the Docker "
               "Engine running on this virtual machine, run: nestbox docker-machine env "
            << name << '\n';
  return 0;
}

/// As docker-machine: all that can be removed is; what is not there is a mistake unless forced.
int remove(MachineStore& store, const DockerMachineCall& call) {
  int code = 0;
  for (const std::string& name : call.names) {
    if (!fs::exists(store.directory(name))) {
      if (!call.force) {
        std::cerr << fmt::format(
            "Error removing host \"{0}\": docker machine '{0}' does not exist\n", name);
        code = 1;
      }
      continue;
    }
    std::cout << "About to remove " << name << '\n';
    const auto machine = catch_error([&] { return store.find(name); });
    if (machine && *machine)
      end_keeper(**machine);
    store.remove(name);
    std::cout << "Successfully removed " << name << '\n';
  }
  return code;
}

std::string state_of(const Result<std::optional<KeptMachine>>& machine) {
  if (!machine || !*machine)
    return "Error";
  if (!is_running(**machine))
    return (*machine)->keeper ? "Stopped" : "Starting";
  return (*machine)->port == 0 ? "Starting" : "Running";
}

int list(const MachineStore& store, const DockerMachineCall& call) {
  constexpr const char* k_row = "{:<16} {:<8} {:<14} {:<9} {}\n";
  if (!call.quiet)
    std::cout << fmt::format(k_row, "NAME", "ACTIVE", "DRIVER", "STATE", "URL");
  for (const std::string& name : store.names()) {
    if (call.quiet) {
      std::cout << name << '\n';
      continue;
    }
    const auto machine = catch_error([&] { return store.find(name); });
    const std::string state = state_of(machine);
    std::cout << fmt::format(k_row, name, "-",
                             machine && *machine ? (*machine)->driver : std::string("-"), state,
                             state == "Running" ? docker_url(store, **machine) : "");
  }
  return 0;
}

int stop(MachineStore& store, const DockerMachineCall& call) {
  for (const std::string& name : call.names)
    end_keeper(store.get(name));
  return 0;
}

int start(MachineStore& store, const DockerMachineCall& call) {
  for (const std::string& name : call.names) {
    const KeptMachine machine = store.get(name);
    if (is_running(machine))
      std::cout << "Machine \"" << name << "\" is already running.\n";
    else
      throw Error(ErrorCode::unsupported,
                  "docker machine '" + name
                      + "' cannot be started again: it was thrown away when "
                        "it stopped",
                  "'nestbox docker-machine rm -f " + name + "', then create it");
  }
  return 0;
}

int copy(const MachineStore& store, const DockerMachineCall& call) {
  std::string name;
  for (const std::string& path : call.words) {
    const std::string its = machine_of_path(path);
    if (!its.empty() && !name.empty() && its != name)
      throw Error(ErrorCode::unsupported, "cannot copy from one machine to another at once",
                  "copy to this host first");
    name = its.empty() ? name : its;
  }
  if (name.empty())
    throw Error(ErrorCode::usage, "neither path names a machine", "write NAME:PATH");
  become(scp_argv(store, running_machine(store, name), call.words, call.recursive));
}

int say(const std::string& text) {
  std::cout << text << (text.ends_with('\n') ? "" : "\n");
  return 0;
}

int inspect(const MachineStore& store, const DockerMachineCall& call) {
  const std::string json = inspect_json(store, store.get(call.names[0]));
  return say(call.format.empty() ? json : format_inspected(json, call.format));
}

int run(const std::vector<std::string>& words) {
  const DockerMachineCall call = parse_docker_machine(words);
  if (call.command == "help")
    return say(docker_machine_usage());
  if (call.command == "version")
    return say("docker-machine version 0.16.2, as nestbox " NESTBOX_VERSION " speaks it");
  MachineStore store = machine_store(call.storage_path);
  if (call.command == "create")
    return create(store, call);
  if (call.command == "rm")
    return remove(store, call);
  if (call.command == "ls")
    return list(store, call);
  if (call.command == "scp")
    return copy(store, call);
  if (call.command == "start")
    return start(store, call);
  if (call.command == "restart")
    throw Error(ErrorCode::unsupported, "a machine that reboots is gone: it cannot be restarted",
                "remove it and create it anew, which takes no longer");
  if (call.command == "stop" || call.command == "kill")
    return stop(store, call);
  if (call.unset)
    return say(unset_lines(call.shell));
  const std::string& name = call.names[0];
  if (call.command == "ssh")
    become(ssh_argv(store, running_machine(store, name), call.words));
  if (call.command == "inspect")
    return inspect(store, call);
  if (call.command == "status")
    return say(state_of(std::optional(store.get(name))));
  if (call.command == "env")
    return say(environment_lines(store, running_machine(store, name), call.shell));
  if (call.command == "config")
    return say("-H=" + docker_url(store, running_machine(store, name)));
  if (call.command == "url")
    return say(docker_url(store, running_machine(store, name)));
  for (const std::string& each : call.names)
    say(running_machine(store, each).address);
  return 0;
}

}  // namespace

int run_docker_machine(const std::vector<std::string>& words) {
  try {
    return run(words);
  } catch (const Error& error) {
    // As docker-machine ends, whatever the mistake.
    std::cerr << printable(error.render()) << '\n';
    return 1;
  }
}

}  // namespace nestbox
