#include "vmdrivers/libvirt/watcher.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace nestbox::libvirt {
namespace {

/// From the end of a QEMU to libvirt's word of why.
constexpr std::chrono::milliseconds k_grace(500);

bool hung_up(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

Watcher::Watcher(Peer qemu, FileDescriptor console, FileDescriptor agent, CancelToken cancel)
    : m_qemu(std::move(qemu)), m_console_socket(std::move(console)),
      m_agent_socket(std::move(agent)), m_cancel(std::move(cancel)),
      m_notice([this] { return told_end(); }), m_thread([this] { watch(); }) {}

Watcher::~Watcher() {
  kill();
  m_stop.cancel();
  m_thread.join();
}

void Watcher::handle(DomainEvent event) {
  const std::lock_guard lock(m_mutex);
  switch (event) {
  case DomainEvent::shut_down:
    m_shut_down = true;
    break;
  case DomainEvent::crashed:
    m_crashed = true;
    break;
  case DomainEvent::ended:
    m_libvirt_knows = true;
    break;
  case DomainEvent::migrated:
    ++m_migrations;
    break;
  case DomainEvent::migration_failed:
    m_migration_failed = true;
    break;
  }
  m_changed.notify_all();
}

std::string Watcher::console() const {
  const std::lock_guard lock(m_mutex);
  return m_console.text();
}

Condition Watcher::condition() {
  std::unique_lock lock(m_mutex);
  const bool unreachable = hung_up(m_agent_socket.get());
  if (unreachable)
    m_changed.wait_for(lock, k_grace, [this] { return m_ended; });
  const Condition told = told_condition();
  return told == Condition::running && unreachable ? Condition::lost : told;
}

Condition Watcher::told_condition() const {
  if (m_crashed || m_console.panicked())
    return Condition::panicked;
  if (m_shut_down)
    return Condition::stopped;
  return m_ended ? Condition::lost : Condition::running;
}

std::optional<Condition> Watcher::told_end() const {
  const std::lock_guard lock(m_mutex);
  return m_quit ? std::nullopt : std::optional(told_condition());
}

void Watcher::await_migration(int count, Deadline deadline) {
  std::unique_lock lock(m_mutex);
  const auto over = [&] { return m_ended || m_migration_failed || m_migrations >= count; };
  if (deadline.is_never())
    m_changed.wait(lock, over);
  else
    m_changed.wait_until(lock, deadline.instant(), over);
  if (m_migrations >= count)
    return;
  if (!over())
    throw Error(ErrorCode::timeout, "qemu did not save the machine in time");
  throw Error(ErrorCode::infrastructure, m_ended ? "qemu ended while it saved the machine"
                                                 : "qemu could not save the machine");
}

bool Watcher::kill() noexcept {
  {
    const std::lock_guard lock(m_mutex);
    m_quit = true;
    m_changed.notify_all();
  }
  return send_kill();
}

bool Watcher::send_kill() noexcept {
  return ::syscall(SYS_pidfd_send_signal, m_qemu.process.get(), SIGKILL, nullptr, 0) == 0
         || errno == ESRCH;
}

bool Watcher::await_end(Deadline deadline) const {
  return wait_readable(m_qemu.process.get(), deadline) == Wait::ready;
}

void Watcher::watch() {
  enum { k_stop, k_process, k_console, k_cancel, k_disarm, k_count };
  std::array<pollfd, k_count> entries{};
  const int stop_event = m_stop.token().descriptor();
  const int started_event = m_started.token().descriptor();
  entries[k_stop] = {stop_event, POLLIN, 0};
  entries[k_process] = {m_qemu.process.get(), POLLIN, 0};
  entries[k_console] = {m_console_socket.get(), POLLIN, 0};
  entries[k_cancel] = {m_cancel.descriptor(), POLLIN, 0};
  entries[k_disarm] = {started_event, POLLIN, 0};
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
      send_kill();
    }
    if (readable(k_console) && !read_console())
      forget(k_console);
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
  while (wait_readable(m_console_socket.get(), Deadline::after({})) == Wait::ready
         && read_console()) {
  }
  {
    std::unique_lock lock(m_mutex);
    m_changed.wait_for(lock, k_grace, [this] { return m_quit || m_libvirt_knows; });
    m_ended = true;
    m_changed.notify_all();
  }
  m_notice.announce();
}

bool Watcher::panicked() const {
  const std::lock_guard lock(m_mutex);
  return m_crashed || m_console.panicked();
}

bool Watcher::read_console() {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(m_console_socket.get(), buffer.data(), buffer.size());
  if (count <= 0)
    return count < 0 && errno == EINTR;
  const std::lock_guard lock(m_mutex);
  m_console.add({buffer.data(), static_cast<std::size_t>(count)});
  return true;
}

}  // namespace nestbox::libvirt
