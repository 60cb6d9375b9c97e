#include "vmdrivers/qemu/machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/agent_transport.hpp"
#include "vmdrivers/qemu_base/guest.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::qemu {
namespace {

/// How long a QEMU that was told to quit may take before it is killed.
constexpr std::chrono::seconds k_quit_time(10);

FileDescriptor open_file(const fs::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file)
    throw system_error("cannot open '" + path.string() + "'", errno);
  return file;
}

FileDescriptor duplicate(const FileDescriptor& file) {
  FileDescriptor copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy)
    throw system_error("cannot duplicate a descriptor", errno);
  return copy;
}

/// Ours, but that QEMU's own temporary files go where we can sweep them.
std::map<std::string, std::string> qemu_environment(const fs::path& scratch) {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos)
      environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  environment["TMPDIR"] = scratch.string();
  return environment;
}

std::vector<QmpClient::Command> first_commands(const Launch& launch) {
  std::vector<QmpClient::Command> commands = {
      {"qmp_capabilities"}, {"migrate-set-capabilities", migration_capabilities()}};
  if (launch.restore)
    commands.push_back({"migrate-incoming", {{"uri", "fd:" + std::to_string(k_state_descriptor)}}});
  return commands;
}

}  // namespace

QemuMachine::QemuMachine(const Launch& launch, const StartFiles& files, CancelToken cancel)
    : m_launch(launch), m_cancel(std::move(cancel)) {
  SocketPair agent;
  SocketPair qmp;
  SocketPair console;
  SocketPair diagnostics;
  ProcessSpec spec{.argv = make_argv(launch), .environment = qemu_environment(files.scratch)};
  spec.descriptors = {{STDERR_FILENO, diagnostics.theirs.get()},
                      {k_agent_descriptor, agent.theirs.get()},
                      {k_qmp_descriptor, qmp.theirs.get()},
                      {k_console_descriptor, console.theirs.get()}};
  FileDescriptor state_file;
  if (launch.restore) {
    state_file = open_file(files.state, O_RDONLY);
    spec.descriptors[k_state_descriptor] = state_file.get();
  }
  for (int descriptor = k_first_cable_descriptor; const int cable : files.cables)
    spec.descriptors[descriptor++] = cable;
  FileDescriptor watched = duplicate(agent.ours);
  m_monitor =
      std::make_unique<Monitor>(Process::spawn(spec),
                                QemuConnections{std::move(qmp.ours), std::move(console.ours),
                                                std::move(diagnostics.ours), std::move(watched)},
                                m_cancel);
  // A QEMU that has ended already is reported by await_agent, which knows more.
  static_cast<void>(catch_error([&] { m_monitor->qmp().post(first_commands(launch)); }));
  m_transport = make_agent_transport(std::move(agent.ours));
}

QemuMachine::~QemuMachine() = default;

void QemuMachine::await_agent(Deadline deadline) {
  const Result<void> answered = catch_error([&] { m_transport->ping(deadline, m_cancel); });
  m_monitor->started();
  if (answered)
    return;
  m_cancel.throw_if_cancelled();
  throw unanswered(*this, cause(answered.error()));
}

std::string QemuMachine::cause(const Error& symptom) {
  const std::optional<Error> refusal = m_monitor->qmp().refusal();
  switch (m_monitor->condition()) {
  case Condition::panicked:
    return "its kernel panicked";
  case Condition::stopped:
    return "it powered off";
  case Condition::running:
    return refusal ? "qemu refused: " + refusal->message : symptom.message;
  case Condition::lost:
    break;
  }
  const std::string said = m_monitor->diagnostics();
  return "qemu ended" + (said.empty() ? "" : ": " + printable(said.substr(0, said.find('\n'))));
}

Bytes QemuMachine::private_memory() const {
  return private_memory_of(m_monitor->pid());
}

void QemuMachine::resume() {
  if (!m_launch.paused)
    return;
  m_monitor->qmp().post({{"cont"}});
  m_launch.paused = false;
}

Snapshot QemuMachine::save(Deadline deadline) {
  if (!spec().save_directory)
    throw Error(ErrorCode::unsupported, "machine '" + spec().name + "' was not made to be saved");
  const fs::path directory = *spec().save_directory;
  const auto during = "saving machine '" + spec().name + "' (driver qemu)";
  try {
    QmpClient& qmp = m_monitor->qmp();
    const FileDescriptor state = open_file(directory / k_state_file, O_WRONLY | O_CREAT | O_EXCL);
    qmp.execute({"getfd", {{"fdname", "state"}}, state.get()}, deadline);
    // Saved while it runs, so that what is restored from it runs by itself.
    qmp.execute({"migrate", {{"uri", "fd:state"}}}, deadline);
    m_monitor->await_migration(deadline);
    qmp.post({{"quit"}});
    if (!m_monitor->await_end(earlier(deadline, Deadline::after(k_quit_time))))
      throw Error(ErrorCode::timeout, "qemu did not end in time");
  } catch (const Error& error) {
    throw error.during(during);
  }
  return seal_snapshot(spec());
}

}  // namespace nestbox::qemu
