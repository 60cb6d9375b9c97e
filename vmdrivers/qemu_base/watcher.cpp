#include "vmdrivers/qemu_base/watcher.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "harness/base/log.hpp"

namespace nestbox::qemu {
namespace {

/// Between the end of a QEMU, of its connections, and of what is told of it.
constexpr std::chrono::milliseconds k_grace(500);

bool hung_up(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/// Until `done`, or the deadline. Whether it is.
template <class Done>
bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                Deadline deadline, Done done) {
  if (!deadline.is_never())
    return changed.wait_until(lock, deadline.instant(), done);
  changed.wait(lock, done);
  return true;
}

}  // namespace

Watcher::Watcher(WatchedQemu qemu, std::vector<Channel> channels)
    : m_qemu(std::move(qemu)), m_channels(std::move(channels)),
      m_notice([this] { return told_end(); }) {
  m_channels.push_back({m_qemu.console.get(), [this] { return read_console(); }});
  m_thread = std::thread([this] { watch(); });
}

Watcher::~Watcher() {
  kill();
  m_stop.cancel();
  m_thread.join();
}

void Watcher::handle(QemuEvent event) {
  const std::lock_guard lock(m_mutex);
  switch (event) {
  case QemuEvent::shut_down:
    m_shut_down = true;
    break;
  case QemuEvent::crashed:
    m_crashed = true;
    break;
  case QemuEvent::ended:
    m_all_told = true;
    break;
  case QemuEvent::disk_full:
    end_stopped("a machine is ended, for the file system that its disk is on is full: 'nestbox "
                "cache gc --keep 5GiB' frees some of it");
    break;
  case QemuEvent::disk_failed:
    end_stopped("a machine is ended, for what its disk is on cannot be written");
    break;
  case QemuEvent::migrated:
    ++m_migrations;
    break;
  case QemuEvent::migration_failed:
    m_migration_failed = true;
    break;
  }
  m_changed.notify_all();
}

/// QEMU tells of each write that failed, and would wait for somebody to make room.
void Watcher::end_stopped(const char* why) {
  if (!std::exchange(m_disk_failed, true))
    log(LogLevel::warning, why);
  send_kill();
}

std::string Watcher::console() const {
  const std::lock_guard lock(m_mutex);
  return m_console.text();
}

Condition Watcher::condition() {
  std::unique_lock lock(m_mutex);
  const bool unreachable = hung_up(m_qemu.agent.get());
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
  const bool over = wait_until(m_changed, lock, deadline, [&] {
    return m_ended || m_migration_failed || m_migrations >= count;
  });
  if (m_migrations >= count)
    return;
  if (!over)
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
  std::unique_lock lock(m_mutex);
  return wait_until(m_changed, lock, deadline, [this] { return m_ended; });
}

void Watcher::watch() {
  enum { k_stop, k_process, k_first_channel };
  std::vector<pollfd> entries = {{m_stop.token().descriptor(), POLLIN, 0},
                                 {m_qemu.process.get(), POLLIN, 0}};
  for (const Channel& channel : m_channels)
    entries.push_back({channel.descriptor, POLLIN, 0});
  const auto readable = [&](std::size_t index) { return entries[index].revents != 0; };

  // A kernel that panics says more on its console, and then ends its QEMU, unless it was told not
  // to.
  bool panic_seen = false;
  Deadline panic_grace = Deadline::never();
  while (true) {
    if (::poll(entries.data(), entries.size(), panic_grace.poll_timeout()) < 0 && errno != EINTR)
      return;
    if (readable(k_stop))
      return;
    // One that has said its last would be ready for ever: poll(2) ignores negative descriptors.
    for (std::size_t i = 0; i < m_channels.size(); ++i)
      if (readable(k_first_channel + i) && !m_channels[i].read())
        entries[k_first_channel + i].fd = -1;
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
  await_last_words();
  m_notice.announce();
}

/// Of a QEMU that has ended: what it said before, and what is told of its end.
void Watcher::await_last_words() {
  const Deadline now = Deadline::after({});
  for (const Channel& channel : m_channels)
    while (wait_readable(channel.descriptor, now) == Wait::ready && channel.read()) {
    }
  std::unique_lock lock(m_mutex);
  m_changed.wait_for(lock, k_grace, [this] { return m_quit || m_all_told; });
  m_ended = true;
  m_changed.notify_all();
}

bool Watcher::panicked() const {
  const std::lock_guard lock(m_mutex);
  return m_crashed || m_console.panicked();
}

bool Watcher::read_console() {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(m_qemu.console.get(), buffer.data(), buffer.size());
  if (count <= 0)
    return count < 0 && errno == EINTR;
  const std::lock_guard lock(m_mutex);
  m_console.add({buffer.data(), static_cast<std::size_t>(count)});
  return true;
}

}  // namespace nestbox::qemu
