#include "benchmarks/raw_qemu.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "benchmarks/raw_agent.hpp"
#include "benchmarks/sample.hpp"
#include "harness/base/error.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/qemu/argv.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::bench {

namespace {

constexpr std::string_view k_restore =
    R"({"execute":"qmp_capabilities"})"
    R"({"execute":"migrate-set-capabilities","arguments":{"capabilities":)"
    R"([{"capability":"x-ignore-shared","state":true}]}})"
    R"({"execute":"migrate-incoming","arguments":{"uri":"fd:6"}})";
static_assert(qemu::k_state_descriptor == 6);

/// Away from the numbers that QEMU is to find them under.
FileDescriptor moved_up(FileDescriptor descriptor) {
  FileDescriptor moved(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 64));
  if (!moved)
    throw system_error("cannot duplicate a descriptor", errno);
  return moved;
}

SocketPair channel() {
  SocketPair pair;
  pair.theirs = moved_up(std::move(pair.theirs));
  return pair;
}

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

}  // namespace

RawQemu::RawQemu(const Snapshot& snapshot) : m_state(snapshot.directory / qemu::k_state_file) {
  const auto binary = find_program("qemu-system-x86_64");
  if (!binary)
    throw Error(ErrorCode::not_found, "there is no 'qemu-system-x86_64'");
  qemu::Launch launch;
  launch.binary = binary->string();
  launch.accelerator = {"tcg", qemu::k_emulated_cpu};
  launch.spec = snapshot.spec;
  launch.ram_file = qemu::RamFile{snapshot.directory / k_ram_file, false};
  launch.restore = true;
  m_argv = qemu::make_argv(launch);
}

RawQemu::Sample RawQemu::run(const std::vector<std::string>& command) const {
  const std::string frames = command_frames(command);
  std::vector<char*> argv;
  for (const std::string& argument : m_argv)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  const Stopwatch stopwatch;
  SocketPair agent = channel();
  SocketPair qmp = channel();
  SocketPair console = channel();
  const FileDescriptor state =
      moved_up(FileDescriptor(open(m_state.c_str(), O_RDONLY | O_CLOEXEC)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const ScopeExit destroy([&] { posix_spawn_file_actions_destroy(&actions); });
  posix_spawn_file_actions_adddup2(&actions, agent.theirs.get(), qemu::k_agent_descriptor);
  posix_spawn_file_actions_adddup2(&actions, qmp.theirs.get(), qemu::k_qmp_descriptor);
  posix_spawn_file_actions_adddup2(&actions, console.theirs.get(), qemu::k_console_descriptor);
  posix_spawn_file_actions_adddup2(&actions, state.get(), qemu::k_state_descriptor);
  pid_t pid = -1;
  if (const int error =
          posix_spawn(&pid, m_argv[0].c_str(), &actions, nullptr, argv.data(), environ))
    throw system_error("cannot start '" + m_argv[0] + "'", error);
  Sample sample;
  {
    rusage usage{};
    const ScopeExit reap([&] {
      ::kill(pid, SIGKILL);
      wait4(pid, nullptr, 0, &usage);
      sample.cpu = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
    });
    agent.theirs.close();
    send_all(qmp.ours, k_restore);
    send_all(agent.ours, frames);
    await_output(agent.ours);
    sample.first_byte = stopwatch.milliseconds();
  }
  return sample;
}

}  // namespace nestbox::bench
