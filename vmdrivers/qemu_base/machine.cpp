#include "vmdrivers/qemu_base/machine.hpp"

#include <fcntl.h>

#include "harness/base/filesystem.hpp"
#include "harness/guest/agent_transport.hpp"
#include "harness/vm/console.hpp"
#include "vmdrivers/qemu_base/guest.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::qemu {
namespace {

/// How long a QEMU whose machine is saved may take to end.
constexpr std::chrono::seconds k_end_time(10);

constexpr char k_disk_hint[] =
    "the disk must start by BIOS, and its system have systemd and cloud-init (NoCloud), which "
    "starts the agent; with 'console=ttyS0' on its kernel's command line it says more";

}  // namespace

QemuMachine::QemuMachine(const Start& start, std::string driver, std::unique_ptr<RunningQemu> qemu,
                         FileDescriptor agent)
    : m_spec(start.spec), m_restored(start.state.has_value()), m_paused(start.paused),
      m_driver(std::move(driver)), m_qemu(std::move(qemu)),
      m_transport(make_agent_transport(std::move(agent))) {}

void QemuMachine::await_agent(Deadline deadline, const CancelToken& cancel) {
  const Result<void> answered = catch_error([&] { m_transport->ping(deadline, cancel); });
  if (answered)
    return;
  cancel.throw_if_cancelled();
  throw unanswered(answered.error());
}

std::string QemuMachine::cause(const Error& symptom) {
  const std::optional<Error> refusal = m_qemu->refusal();
  switch (condition()) {
  case Condition::panicked:
    return "its kernel panicked";
  case Condition::stopped:
    return "it powered off";
  case Condition::running:
    return refusal ? "qemu refused: " + refusal->message : symptom.message;
  case Condition::lost:
    break;
  }
  return "qemu ended" + m_qemu->last_words();
}

Error QemuMachine::unanswered(const Error& symptom) {
  std::string message = "machine '" + spec().name + "' did not answer: " + cause(symptom);
  if (const std::string lines = telling_lines(console()); !lines.empty())
    message += "\nits console said:\n" + lines;
  return Error(ErrorCode::lost, message, boots_disk(spec()) && !m_restored ? k_disk_hint : "");
}

Bytes QemuMachine::private_memory() const {
  return private_memory_of(m_qemu->watcher().pid());
}

void QemuMachine::resume() {
  if (!m_paused)
    return;
  m_qemu->resume();
  m_paused = false;
}

Snapshot QemuMachine::save(Deadline deadline) {
  if (!spec().save_directory)
    throw Error(ErrorCode::unsupported, "machine '" + spec().name + "' was not made to be saved");
  try {
    save_state(deadline);
  } catch (const Error& error) {
    throw error.during("saving machine '" + spec().name + "' (driver " + m_driver + ")");
  }
  return seal_snapshot(spec());
}

void QemuMachine::save_state(Deadline deadline) {
  const FileDescriptor state =
      open_file(*spec().save_directory / k_state_file, O_WRONLY | O_CREAT | O_EXCL);
  m_qemu->ask("migrate-set-capabilities", migration_capabilities(), -1, deadline);
  m_qemu->ask("getfd", {{"fdname", "state"}}, state.get(), deadline);
  // Saved while it runs, so that what is restored from it runs by itself.
  m_qemu->ask("migrate", {{"uri", "fd:state"}}, -1, deadline);
  m_qemu->watcher().await_migration(m_restored ? 2 : 1, deadline);
  // QEMU has closed its disks by then: there is nothing that it would still have to do.
  if (!m_qemu->end(earlier(deadline, Deadline::after(k_end_time))))
    throw Error(ErrorCode::timeout, "qemu did not end in time");
}

}  // namespace nestbox::qemu
