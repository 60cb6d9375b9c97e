#include "runner/docker_machine/front.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/client.hpp"
#include "runner/docker_machine/command_line.hpp"
#include "runner/docker_machine/go_template.hpp"
#include "runner/docker_machine/keeper_process.hpp"
#include "runner/docker_machine/listing.hpp"
#include "runner/docker_machine/provision.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

/// The first machine builds the environment.
constexpr std::chrono::minutes k_create_time{60};
/// docker is started anew.
constexpr std::chrono::minutes k_provision_time{5};

KeptMachine running_machine(const MachineStore& store, const std::string& name) {
  KeptMachine machine = store.get(name);
  if (!is_running(machine) || machine.address.empty())
    throw Error(ErrorCode::lost, "docker machine '" + name + "' is not running",
                "it lived in a process that has ended; make it anew, after 'nestbox docker-machine "
                "rm -f "
                    + name + "'");
  return machine;
}

/// One whose docker can be used.
KeptMachine docker_machine(const MachineStore& store, const std::string& name) {
  KeptMachine machine = running_machine(store, name);
  if (machine.docker_version.empty())
    throw Error(ErrorCode::unsupported, "there is no docker in '" + name + "'",
                "its environment needs systemd and the package docker.io");
  return machine;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
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
              words[0] == "rsync" ? "apt-get install rsync" : "apt-get install openssh-client");
}

std::string driver_of(const DockerMachineCall& call) {
  const std::string usual = variable("MACHINE_DRIVER");
  return !call.driver.empty() ? call.driver : !usual.empty() ? usual : "virtualbox";
}

int create(MachineStore& store, const DockerMachineCall& call) {
  const std::string& name = call.names[0];
  const std::string driver = driver_of(call);
  store.add(
      {.name = name, .driver = driver, .labels = call.engine.labels, .hosts = call.engine.hosts});
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
  const KeptMachine machine = store.get(name);
  if (!machine.docker_version.empty()) {
    std::cout << "Setting up docker...\n" << std::flush;
    provision(store, machine, engine_unit(call.engine, driver), Deadline::after(k_provision_time));
    std::cout
        << "Docker is up and running!\nTo see how to connect your Docker Client to the Docker "
           "Engine running on this virtual machine, run: nestbox docker-machine env "
        << name << '\n';
  }
  rollback.dismiss();
  return 0;
}

int provision(const MachineStore& store, const DockerMachineCall& call) {
  for (const std::string& name : call.names)
    provision(store, docker_machine(store, name), "", Deadline::after(k_provision_time));
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
  return (*machine)->address.empty() ? "Starting" : "Running";
}

std::vector<ListedMachine> listed_machines(const MachineStore& store) {
  const std::string docker_host = variable("DOCKER_HOST");
  std::vector<ListedMachine> listed;
  for (const std::string& name : store.names()) {
    const auto machine = catch_error([&] { return store.find(name); });
    ListedMachine& item = listed.emplace_back(ListedMachine{.name = name});
    item.state = state_of(machine);
    if (!machine)
      item.error = machine.error().message;
    if (!machine || !*machine)
      continue;
    item.driver = (*machine)->driver;
    item.labels = (*machine)->labels;
    if (item.state != "Running")
      continue;
    item.url = docker_url(**machine);
    item.docker_version = (*machine)->docker_version;
    item.active = !item.url.empty() && item.url == docker_host;
  }
  return listed;
}

int list(const MachineStore& store, const DockerMachineCall& call) {
  const ListFilter filter(call.filters);
  std::vector<ListedMachine> machines = listed_machines(store);
  std::erase_if(machines, [&](const ListedMachine& machine) { return !filter.fits(machine); });
  std::cout << list_machines(machines, call.quiet ? "{{.Name}}" : call.format);
  return 0;
}

int print_active(const MachineStore& store) {
  for (const ListedMachine& machine : listed_machines(store))
    if (machine.active) {
      std::cout << machine.name << '\n';
      return 0;
    }
  throw Error(ErrorCode::not_found, "no active host found",
              "'nestbox docker-machine env NAME' says how to make one active");
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
  const CopyPath from = parse_copy_path(call.words[0]);
  const CopyPath to = parse_copy_path(call.words[1]);
  std::vector<KeptMachine> machines;
  for (const CopyPath* side : {&from, &to})
    if (side->machine && (machines.empty() || machines[0].name != *side->machine))
      machines.push_back(running_machine(store, *side->machine));
  if (machines.empty())
    throw Error(ErrorCode::usage, "neither path names a machine", "write NAME:PATH");
  become(copy_argv(store, machines, from, to, call.copy));
}

int say(const std::string& text) {
  std::cout << text << (text.ends_with('\n') ? "" : "\n");
  return 0;
}

int inspect(const MachineStore& store, const DockerMachineCall& call) {
  const std::string json = inspect_json(store, store.get(call.names[0]));
  return say(call.format.empty() ? json : expand_template(json, call.format));
}

int print_environment(const MachineStore& store, const DockerMachineCall& call) {
  std::string shell = call.shell;
  if (shell.empty())
    shell = fs::path(variable("SHELL")).filename();
  if (call.unset)
    return say(unset_lines(shell));
  std::optional<NoProxy> no_proxy;
  if (call.no_proxy) {
    const std::string name = variable("no_proxy").empty() ? "NO_PROXY" : "no_proxy";
    no_proxy = {.variable = name, .hosts = variable(name.c_str())};
  }
  return say(environment_lines(store, docker_machine(store, call.names[0]), shell, no_proxy));
}

int print_version(const MachineStore& store, const DockerMachineCall& call) {
  return say(call.names.empty() ? "docker-machine version 0.16.2, as nestbox " NESTBOX_VERSION
                                  " speaks it"
                                : docker_machine(store, call.names[0]).docker_version);
}

int print_addresses(const MachineStore& store, const DockerMachineCall& call) {
  for (const std::string& name : call.names)
    say(running_machine(store, name).address);
  return 0;
}

int run(const std::vector<std::string>& words) {
  const DockerMachineCall call = parse_docker_machine(words);
  const std::string& command = call.command;
  if (command == "help")
    return say(docker_machine_usage());
  MachineStore store = machine_store(call.storage_path);
  if (command == "version")
    return print_version(store, call);
  if (command == "create")
    return create(store, call);
  if (command == "provision" || command == "regenerate-certs")
    return provision(store, call);
  if (command == "rm")
    return remove(store, call);
  if (command == "ls")
    return list(store, call);
  if (command == "active")
    return print_active(store);
  if (command == "scp")
    return copy(store, call);
  if (command == "start")
    return start(store, call);
  if (command == "stop" || command == "kill")
    return stop(store, call);
  if (command == "env")
    return print_environment(store, call);
  if (command == "ip")
    return print_addresses(store, call);
  const std::string& name = call.names[0];
  if (command == "ssh")
    become(ssh_argv(store, running_machine(store, name), call.words));
  if (command == "inspect")
    return inspect(store, call);
  if (command == "status")
    return say(state_of(std::optional(store.get(name))));
  if (command == "config")
    return say(docker_options(store, docker_machine(store, name)));
  return say(docker_url(docker_machine(store, name)));
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
