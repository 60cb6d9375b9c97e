#include "vmdrivers/libvirt/machine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/filesystem.hpp"
#include "harness/guest/agent_transport.hpp"
#include "vmdrivers/libvirt/sockets.hpp"
#include "vmdrivers/qemu_base/guest.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::libvirt {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// QEMU connects before libvirt says that it has started.
constexpr auto k_connect_time = 30s;

/// A state is some hundred kilobytes.
constexpr auto k_load_time = 30s;

/// How long a QEMU that was killed may take to end.
constexpr auto k_end_time = 10s;

/// Names of other processes' domains that are tried before giving up.
constexpr int k_most_names = 1000;

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

}  // namespace

DomainMachine::DomainMachine(std::shared_ptr<Connection> connection, DomainNames& names,
                             DomainLaunch launch, const StartFiles& files, CancelToken cancel)
    : m_connection(std::move(connection)), m_launch(std::move(launch)), m_cancel(std::move(cancel)),
      m_paused(true) {
  // QEMU has it open then; one that restores opens it once more before the guest runs.
  const ScopeExit unlink_overlay([&] {
    if (m_launch.overlay)
      ::unlink(m_launch.overlay->c_str());
  });
  m_cancel.throw_if_cancelled();
  start(names);
  try {
    plug(files.cables);
    if (m_launch.restore)
      load(files.state);
    if (!files.paused)
      resume();
    else if (m_launch.restore)
      m_watcher->await_migration(1, Deadline::after(k_load_time));
  } catch (const Error& error) {
    if (condition() == Condition::running)
      throw;
    throw qemu::unanswered(*this, cause(error));
  }
}

/// Until there is a QEMU that has connected to us; its sockets are unlinked then, so that nothing
/// is left however we end.
void DomainMachine::start(DomainNames& names) {
  const TemporaryDirectory directory("nestbox-libvirt");
  const ListeningSocket agent(directory.path() / "agent");
  const ListeningSocket console(directory.path() / "console");
  m_launch.agent_socket = agent.path();
  m_launch.console_socket = console.path();
  // What is told before there is a watcher is of no interest: the guest does not run yet.
  const auto handler = [this](DomainEvent event) {
    if (Watcher* watcher = m_told.load())
      watcher->handle(event);
  };
  for (int tries = 0; !m_domain && tries < k_most_names; ++tries) {
    m_name = names.take(m_name);
    m_launch.name = m_name.text();
    m_domain = m_connection->create(domain_xml(m_launch), m_launch.name, handler);
  }
  if (!m_domain)
    throw Error(ErrorCode::infrastructure, "libvirt has no name left for another domain",
                "'nestbox reap --driver libvirt' ends those that nobody owns any more");
  const Deadline deadline = Deadline::after(k_connect_time);
  FileDescriptor connection = agent.accept(deadline, m_cancel);
  Peer qemu = peer_of(connection);
  m_watcher = std::make_unique<Watcher>(std::move(qemu), console.accept(deadline, m_cancel),
                                        duplicate(connection), m_cancel);
  m_told = m_watcher.get();
  m_transport = make_agent_transport(std::move(connection));
}

void DomainMachine::plug(const std::vector<int>& cables) {
  for (std::size_t i = 0; i < cables.size(); ++i) {
    const std::string cable = fmt::format("cable{}", i);
    m_domain->ask("getfd", {{"fdname", cable}}, cables[i]);
    m_domain->ask("netdev_add", {{"type", "socket"}, {"id", cable}, {"fd", cable}});
    m_domain->ask(
        "netdev_add",
        {{"type", "hubport"}, {"id", fmt::format("plug{}", i)}, {"hubid", i}, {"netdev", cable}});
  }
}

void DomainMachine::load(const fs::path& state) {
  const FileDescriptor file = open_file(state, O_RDONLY);
  m_domain->ask("migrate-set-capabilities", qemu::migration_capabilities());
  m_domain->ask("getfd", {{"fdname", "state"}}, file.get());
  m_domain->ask("migrate-incoming", {{"uri", "fd:state"}});
}

DomainMachine::~DomainMachine() {
  end(Deadline::after(k_end_time));
}

bool DomainMachine::end(Deadline deadline) {
  // libvirt asks a QEMU to end, and looks again after a fifth of a second; after one that has ended
  // it only tidies up.
  if (m_watcher->kill())
    m_watcher->await_end(deadline);
  m_domain.reset();
  return m_watcher->await_end(deadline);
}

void DomainMachine::await_agent(Deadline deadline) {
  const Result<void> answered = catch_error([&] { m_transport->ping(deadline, m_cancel); });
  m_watcher->started();
  if (answered)
    return;
  m_cancel.throw_if_cancelled();
  throw qemu::unanswered(*this, cause(answered.error()));
}

std::string DomainMachine::cause(const Error& symptom) {
  switch (m_watcher->condition()) {
  case Condition::panicked:
    return "its kernel panicked";
  case Condition::stopped:
    return "it powered off";
  case Condition::running:
    return symptom.message;
  case Condition::lost:
    break;
  }
  return fmt::format("qemu ended; libvirt's log of domain '{}' says why", m_launch.name);
}

Bytes DomainMachine::private_memory() const {
  return qemu::private_memory_of(m_watcher->pid());
}

void DomainMachine::resume() {
  if (!m_paused)
    return;
  // One that is still loading its state runs as soon as it has.
  m_domain->resume();
  m_paused = false;
}

Snapshot DomainMachine::save(Deadline deadline) {
  if (!spec().save_directory)
    throw Error(ErrorCode::unsupported, "machine '" + spec().name + "' was not made to be saved");
  try {
    const FileDescriptor state =
        open_file(*spec().save_directory / qemu::k_state_file, O_WRONLY | O_CREAT | O_EXCL);
    m_domain->ask("migrate-set-capabilities", qemu::migration_capabilities());
    m_domain->ask("getfd", {{"fdname", "state"}}, state.get());
    // Saved while it runs, so that what is restored from it runs by itself.
    m_domain->ask("migrate", {{"uri", "fd:state"}});
    m_watcher->await_migration(m_launch.restore ? 2 : 1, deadline);
    if (!end(earlier(deadline, Deadline::after(k_end_time))))
      throw Error(ErrorCode::timeout, "qemu did not end in time");
  } catch (const Error& error) {
    throw error.during("saving machine '" + spec().name + "' (driver libvirt)");
  }
  return qemu::seal_snapshot(spec());
}

}  // namespace nestbox::libvirt
