#include "runner/docker_machine/keeper_process.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/env/machine_identity.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/workbench.hpp"
#include "runner/docker_machine/keeper.hpp"
#include "runner/docker_machine/shared_network.hpp"
#include "runner/docker_machine/start_report.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

constexpr char k_environment[] = "docker-machine";
constexpr std::chrono::minutes k_start_time{10};
constexpr std::chrono::seconds k_end_time{60};

/// The environment that there is without a nestbox.yml, or when that names none.
Environment builtin_environment() {
  Environment environment = builtin_environments().at("debian-systemd");
  environment.name = k_environment;
  environment.memory = mebibytes(1024);
  environment.network = NetworkAccess::user;
  // Where the kernel has AppArmor, docker starts no container without its tools.
  environment.packages = {"openssh-server", "sudo", "rsync", "docker.io", "apparmor"};
  return environment;
}

Environment wanted_environment(const Definition& definition, const KeeperRequest& request) {
  const std::string name = request.environment.empty() ? k_environment : request.environment;
  const auto found = definition.environments.find(name);
  if (found == definition.environments.end() && !request.environment.empty())
    throw Error(ErrorCode::not_found, "unknown environment '" + name + "'",
                "'nestbox env list' lists those that there are");
  Environment environment =
      found == definition.environments.end() ? builtin_environment() : found->second;
  environment.memory = std::max(environment.memory, request.memory.value_or(environment.memory));
  environment.cores = std::max(environment.cores, request.cores.value_or(environment.cores));
  return environment;
}

std::unique_ptr<Machine> make_machine(PreparedEnvironment& environment, const MachineStore& store,
                                      const KeptMachine& kept, Deadline deadline,
                                      const CancelToken& cancel) {
  const FileDescriptor cable = plug_in(store, deadline, cancel);
  MachineOptions options;
  options.name = kept.name;
  options.identity = fresh_identity(kept.name);
  options.identity->interfaces = {interface_of(kept)};
  options.cables = {cable.get()};
  return environment.machine(options, deadline, cancel);
}

int keep(const KeeperRequest& request, const DriverRegistry& drivers, StartReport& report) {
  Interrupts interrupts;
  CancelSource stop;
  const Interrupts::Handling handling(interrupts, [&] { stop.cancel(); });
  MachineStore store(request.storage);
  KeptMachine kept = store.get(request.name);
  const Suite suite = discover_or_throw({}, {"docker-machine"});
  PlainProgress progress;
  Workbench workbench(drivers, {}, progress);
  const std::string driver = machine_driver_or_throw(workbench, "auto");
  const auto prepared = workbench.prepare(driver, wanted_environment(suite.definition, request),
                                          suite.root, stop.token(), 1);
  const Deadline deadline = Deadline::after(k_start_time);
  const std::unique_ptr<Machine> machine =
      make_machine(*prepared, store, kept, deadline, stop.token());
  Keeper keeper(*machine, kept.private_address, deadline, stop.token());
  kept.address = keeper.address();
  kept.port = keeper.ssh_port();
  kept.docker_port = keeper.docker_port();
  kept.docker_version = docker_version(*machine, deadline, stop.token());
  set_up_login(*machine, store, kept, deadline, stop.token());
  store.update(kept);
  report.ready();
  keeper.keep(stop.token());
  return 0;
}

}  // namespace

std::vector<std::string> keeper_arguments(const KeeperRequest& request) {
  return {request.storage, request.name, request.environment,
          request.memory ? std::to_string(request.memory->count) : "",
          request.cores ? std::to_string(*request.cores) : ""};
}

KeeperRequest parse_keeper_arguments(const std::vector<std::string>& words) {
  if (words.size() != 5)
    throw Error(ErrorCode::usage, "a keeper is started by 'nestbox docker-machine create' alone");
  KeeperRequest request{.storage = words[0], .name = words[1], .environment = words[2]};
  if (!words[3].empty())
    request.memory = Bytes{std::stoull(words[3])};
  if (!words[4].empty())
    request.cores = std::stoi(words[4]);
  return request;
}

void start_keeper(const MachineStore& store, const KeeperRequest& request, Deadline deadline,
                  const CancelToken& cancel) {
  std::vector<std::string> words = keeper_arguments(request);
  words.insert(words.begin(), k_keeper_command);
  start_reporting(words, store.log(request.name), "the keeper of machine '" + request.name + "'",
                  deadline, cancel);
}

void end_keeper(const KeptMachine& machine) {
  if (!is_running(machine))
    return;
  const FileDescriptor process(
      static_cast<int>(::syscall(SYS_pidfd_open, machine.keeper->process, 0)));
  // Its pid may be another's by now, but not any more once we hold it.
  if (!process || !is_running(machine))
    return;
  ::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0);
  if (wait_readable(process.get(), Deadline::after(k_end_time)) == Wait::ready)
    return;
  ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  static_cast<void>(wait_readable(process.get(), Deadline::after(k_end_time)));
}

int be_keeper(const std::vector<std::string>& words, const DriverRegistry& drivers) {
  const KeeperRequest request = parse_keeper_arguments(words);
  StartReport report;
  try {
    MachineStore store(request.storage);
    KeptMachine kept = store.get(request.name);
    kept.keeper = this_owner();
    store.update(kept);
    return keep(request, drivers, report);
  } catch (const Error& error) {
    return report.failed(error);
  }
}

}  // namespace nestbox
