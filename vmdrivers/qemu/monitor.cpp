#include "vmdrivers/qemu/monitor.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"

namespace nestbox::qemu {
namespace {

constexpr std::size_t k_diagnostics_tail = 4 * 1024;

/// From the end of a QEMU's connections to the end of its process.
constexpr std::chrono::milliseconds k_grace(500);

bool pending(int descriptor) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

/// What can be read now without waiting; empty at the end, or when there is nothing.
std::string_view read_some(int descriptor, std::array<char, 65536>& buffer) {
  if (!pending(descriptor))
    return {};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

bool hung_up(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

Monitor::Monitor(Process process, QemuConnections connections, CancelToken cancel)
    : m_process(std::move(process)), m_console_socket(std::move(connections.console)),
      m_diagnostics_pipe(std::move(connections.diagnostics)),
      m_agent_socket(std::move(connections.agent)),
      m_qmp(std::move(connections.qmp), [this](const QmpEvent& event) { handle(event); }),
      m_cancel(std::move(cancel)), m_notice([this] { return told_end(); }),
      m_thread([this] { watch(); }) {}

Monitor::~Monitor() {
  m_stop.cancel();
  m_thread.join();
}

void Monitor::started() noexcept {
  m_started.cancel();
}

std::string Monitor::console() const {
  std::lock_guard lock(m_mutex);
  return m_console.text();
}

std::string Monitor::diagnostics() const {
  std::lock_guard lock(m_mutex);
  return std::string(trim(last_bytes(m_diagnostics, k_diagnostics_tail)));
}

Condition Monitor::condition() {
  std::unique_lock lock(m_mutex);
  const bool unreachable = hung_up(m_agent_socket.get());
  if (unreachable)
    m_changed.wait_for(lock, k_grace, [this] { return m_ended; });
  const Condition told = told_condition();
  return told == Condition::running && unreachable ? Condition::lost : told;
}

Condition Monitor::told_condition() const {
  if (m_panicked || m_console.panicked())
    return Condition::panicked;
  if (m_shut_down)
    return Condition::stopped;
  return m_ended ? Condition::lost : Condition::running;
}

std::optional<Condition> Monitor::told_end() const {
  const std::lock_guard lock(m_mutex);
  return m_quit ? std::nullopt : std::optional(told_condition());
}

void Monitor::await_migration(Deadline deadline) {
  std::unique_lock lock(m_mutex);
  const auto over = [this] {
    return m_ended || m_migration == "completed" || m_migration == "failed";
  };
  if (deadline.is_never())
    m_changed.wait(lock, over);
  else
    m_changed.wait_until(lock, deadline.instant(), over);
  if (m_migration == "completed")
    return;
  if (!over())
    throw Error(ErrorCode::timeout, "qemu did not save the machine in time");
  throw Error(ErrorCode::infrastructure, m_ended ? "qemu ended while it saved the machine"
                                                 : "qemu could not save the machine");
}

bool Monitor::await_end(Deadline deadline) {
  std::unique_lock lock(m_mutex);
  const auto ended = [this] { return m_ended; };
  if (!deadline.is_never())
    return m_changed.wait_until(lock, deadline.instant(), ended);
  m_changed.wait(lock, ended);
  return true;
}

void Monitor::watch() {
  enum { k_stop, k_process, k_qmp, k_console, k_diagnostics, k_cancel, k_disarm, k_count };
  const int stop_event = m_stop.token().descriptor();
  std::array<pollfd, k_count> entries{};
  entries[k_stop] = {stop_event, POLLIN, 0};
  entries[k_process] = {m_process.descriptor(), POLLIN, 0};
  entries[k_qmp] = {m_qmp.descriptor(), POLLIN, 0};
  entries[k_console] = {m_console_socket.get(), POLLIN, 0};
  entries[k_diagnostics] = {m_diagnostics_pipe.get(), POLLIN, 0};
  entries[k_cancel] = {m_cancel.descriptor(), POLLIN, 0};
  entries[k_disarm] = {m_started.token().descriptor(), POLLIN, 0};
  const auto readable = [&](int index) { return entries[index].revents != 0; };
  // A descriptor that has said its last would be ready for ever: poll(2) ignores negative ones.
  const auto forget = [&](int index) { entries[index].fd = -1; };

  // A kernel that panics says more on its console, and then ends its QEMU, unless it was told not
  // to.
  bool panic_seen = false;
  Deadline panic_grace = Deadline::never();
  while (true) {
    if (::poll(entries.data(), entries.size(), panic_grace.poll_timeout()) < 0 && errno != EINTR)
      return;
    if (readable(k_stop))
      return;
    if (readable(k_disarm)) {
      forget(k_disarm);
      forget(k_cancel);
    } else if (readable(k_cancel)) {
      forget(k_cancel);
      m_process.signal(SIGKILL);
    }
    if (readable(k_console) && !read_console())
      forget(k_console);
    if (readable(k_diagnostics) && !read_diagnostics())
      forget(k_diagnostics);
    if (readable(k_qmp) && !m_qmp.receive())
      forget(k_qmp);
    if (readable(k_process))
      break;
    if (!panic_seen && panicked()) {
      panic_seen = true;
      panic_grace = Deadline::after(k_grace);
    }
    if (panic_grace.passed()) {
      panic_grace = Deadline::never();
      m_notice.announce();
    }
  }
  while (read_console()) {
  }
  while (read_diagnostics()) {
  }
  while (pending(m_qmp.descriptor()) && m_qmp.receive()) {
  }
  {
    std::lock_guard lock(m_mutex);
    m_ended = true;
    m_changed.notify_all();
  }
  m_notice.announce();
}

bool Monitor::panicked() const {
  std::lock_guard lock(m_mutex);
  return m_panicked || m_console.panicked();
}

void Monitor::handle(const QmpEvent& event) {
  std::lock_guard lock(m_mutex);
  if (event.name == "SHUTDOWN") {
    m_shut_down = event.data.value("guest", false);
    m_quit = event.data.value("reason", "") == "host-qmp-quit";
  } else if (event.name == "GUEST_PANICKED")
    m_panicked = true;
  else if (event.name == "MIGRATION")
    m_migration = event.data.value("status", "");
  else if (event.name == "BLOCK_IO_ERROR" && event.data.value("action", "") == "stop")
    end_stopped(event.data.value("nospace", false));
  m_changed.notify_all();
}

/// QEMU stops a machine whose disk cannot be written, and would wait for somebody to make room.
void Monitor::end_stopped(bool no_space) {
  log(LogLevel::warning,
      no_space ? "a machine is ended, for the file system that its disk is on is full: 'nestbox "
                 "cache gc --keep 5GiB' frees some of it"
               : "a machine is ended, for what its disk is on cannot be written");
  m_process.signal(SIGKILL);
}

bool Monitor::read_console() {
  std::array<char, 65536> buffer;
  const std::string_view bytes = read_some(m_console_socket.get(), buffer);
  std::lock_guard lock(m_mutex);
  m_console.add(bytes);
  return !bytes.empty();
}

bool Monitor::read_diagnostics() {
  std::array<char, 65536> buffer;
  const std::string_view bytes = read_some(m_diagnostics_pipe.get(), buffer);
  std::lock_guard lock(m_mutex);
  append_bounded(m_diagnostics, bytes, k_diagnostics_tail);
  return !bytes.empty();
}

}  // namespace nestbox::qemu
