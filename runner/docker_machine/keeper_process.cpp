#include "runner/docker_machine/keeper_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iostream>

#include "harness/base/detached.hpp"
#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/workbench.hpp"
#include "runner/docker_machine/keeper.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

constexpr char k_environment[] = "docker-machine";
constexpr int k_report = 3;
constexpr std::chrono::minutes k_start_time{10};
constexpr std::chrono::seconds k_end_time{60};
constexpr std::string_view k_ready = "ready\n";
constexpr std::string_view k_error = "error: ";

/// The environment that there is without a nestbox.yml, or when that names none.
Environment builtin_environment() {
  Environment environment = builtin_environments().at("debian-systemd");
  environment.name = k_environment;
  environment.memory = mebibytes(1024);
  environment.network = NetworkAccess::user;
  environment.packages = {"openssh-server", "sudo", "rsync", "docker.io", "iptables"};
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

void report(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(k_report, text.data(), text.size());
  ::close(k_report);
}

int keep(const KeeperRequest& request, const DriverRegistry& drivers) {
  Interrupts interrupts;
  CancelSource stop;
  const Interrupts::Handling handling(interrupts, [&] { stop.cancel(); });
  MachineStore store = machine_store();
  KeptMachine kept = store.get(request.name);
  const Suite suite = discover_or_throw({}, {"docker-machine"});
  PlainProgress progress;
  Workbench workbench(drivers, {}, progress);
  const std::string driver = machine_driver_or_throw(workbench, "auto");
  const auto prepared = workbench.prepare(driver, wanted_environment(suite.definition, request),
                                          suite.root, stop.token());
  const Deadline deadline = Deadline::after(k_start_time);
  const std::unique_ptr<Machine> machine =
      prepared->machine(request.name, Isolation::fork, deadline, stop.token());
  Keeper keeper(*machine, store.docker_socket(request.name));
  kept.port = keeper.port();
  set_up_login(*machine, store, kept, deadline, stop.token());
  store.update(kept);
  report(k_ready);
  keeper.keep(stop.token());
  return 0;
}

}  // namespace

std::vector<std::string> keeper_arguments(const KeeperRequest& request) {
  return {request.name, request.environment,
          request.memory ? std::to_string(request.memory->count) : "",
          request.cores ? std::to_string(*request.cores) : ""};
}

KeeperRequest parse_keeper_arguments(const std::vector<std::string>& words) {
  if (words.size() != 4)
    throw Error(ErrorCode::usage, "a keeper is started by 'nestbox docker-machine create' alone");
  KeeperRequest request{.name = words[0], .environment = words[1]};
  if (!words[2].empty())
    request.memory = Bytes{std::stoull(words[2])};
  if (!words[3].empty())
    request.cores = std::stoi(words[3]);
  return request;
}

void start_keeper(const MachineStore& store, const KeeperRequest& request, Deadline deadline,
                  const CancelToken& cancel) {
  Pipe reports;
  std::vector<std::string> words = keeper_arguments(request);
  words.insert(words.begin(), k_keeper_command);
  start_detached(words, store.log(request.name), reports.writing);
  reports.writing.close();
  std::string said;
  char buffer[4096];
  while (true) {
    const Wait wait = wait_readable(reports.reading.get(), deadline, cancel);
    cancel.throw_if_cancelled();
    if (wait == Wait::timed_out)
      throw Error(ErrorCode::timeout, "machine '" + request.name + "' was not ready in time");
    const ssize_t count = ::read(reports.reading.get(), buffer, sizeof buffer);
    if (count <= 0)
      break;
    said.append(buffer, static_cast<std::size_t>(count));
  }
  if (said == k_ready)
    return;
  if (said.empty())
    throw Error(ErrorCode::infrastructure,
                "the keeper of machine '" + request.name + "' has vanished");
  // It comes rendered, and will be once more.
  std::string_view text = trim(said);
  text.remove_prefix(text.starts_with(k_error) ? k_error.size() : 0);
  throw Error(ErrorCode::infrastructure, std::string(text));
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
  try {
    MachineStore store = machine_store();
    KeptMachine kept = store.get(request.name);
    kept.keeper = this_owner();
    store.update(kept);
    return keep(request, drivers);
  } catch (const Error& error) {
    std::cerr << "nestbox: " << printable(error.render()) << '\n';
    report(error.render());
    return exit_code(error.code);
  }
}

}  // namespace nestbox
