#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/vm/console_tail.hpp"
#include "harness/vm/end_notice.hpp"
#include "vmdrivers/qemu_base/qemu_event.hpp"

namespace nestbox::qemu {

/// What a QEMU is known by.
struct WatchedQemu {
  pid_t pid = 0;
  FileDescriptor process;  ///< a pidfd
  FileDescriptor console;
  FileDescriptor agent;  ///< watched only for the end of the connection
};

/// Something else that a QEMU says, read on the thread that watches it.
struct Channel {
  int descriptor = -1;
  std::function<bool()> read;  ///< what is there; false at its end
};

/// Knows how one QEMU's machine is: from its console, from its process, and from what is told of
/// it. Dropping it kills the QEMU, where that is ours to kill.
class Watcher {
public:
  Watcher(WatchedQemu qemu, std::vector<Channel> channels);
  ~Watcher();

  pid_t pid() const noexcept { return m_qemu.pid; }

  /// Any thread, also one that reads a channel. A QEMU that would wait for somebody to make room
  /// for its disk is killed.
  void handle(QemuEvent event);

  std::string console() const;
  /// As Machine::condition.
  Condition condition();
  /// As Machine::on_end.
  void on_end(std::function<void(Condition)> handler) { m_notice.on_end(std::move(handler)); }

  /// Waits for the end of this QEMU's migration number `count` (restoring is one, too).
  /// Error(infrastructure) when it failed or QEMU ended first, Error(timeout).
  void await_migration(int count, Deadline deadline);

  /// Kills the QEMU, because that is wanted. False when it is not ours to kill.
  bool kill() noexcept;

  /// Waits until the QEMU has ended. False when the deadline passed first.
  bool await_end(Deadline deadline) const;

private:
  void watch();
  void await_last_words();
  bool read_console();
  bool panicked() const;
  std::optional<Condition> told_end() const;
  Condition told_condition() const;  ///< wants m_mutex held
  void end_stopped(const char* why);
  bool send_kill() noexcept;

  WatchedQemu m_qemu;
  std::vector<Channel> m_channels;
  CancelSource m_stop;

  mutable std::mutex m_mutex;
  mutable std::condition_variable m_changed;
  ConsoleTail m_console;
  int m_migrations = 0;
  bool m_migration_failed = false;
  bool m_crashed = false;
  bool m_shut_down = false;
  bool m_disk_failed = false;
  bool m_all_told = false;
  bool m_quit = false;  ///< it ends because we want it to
  bool m_ended = false;

  EndNotice m_notice;
  std::thread m_thread;
};

}  // namespace nestbox::qemu
