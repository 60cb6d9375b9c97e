#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/vm/console_tail.hpp"
#include "harness/vm/end_notice.hpp"
#include "vmdrivers/libvirt/handle.hpp"
#include "vmdrivers/libvirt/sockets.hpp"

namespace nestbox::libvirt {

/// Knows how one domain is: from its console, from its QEMU's process, and from what libvirt tells.
/// Dropping it kills the QEMU, where it is ours to kill.
class Watcher {
public:
  /// Until `started` is called, `cancel` kills the QEMU. `agent` is watched only for the end of
  /// the connection.
  Watcher(Peer qemu, FileDescriptor console, FileDescriptor agent, CancelToken cancel);
  ~Watcher();

  pid_t pid() const noexcept { return m_qemu.pid; }

  /// As DomainHandler wants it.
  void handle(DomainEvent event);

  void started() noexcept { m_started.cancel(); }

  std::string console() const;
  /// As Machine::condition.
  Condition condition();
  /// As Machine::on_end.
  void on_end(std::function<void(Condition)> handler) { m_notice.on_end(std::move(handler)); }

  /// Waits for the end of this domain's migration number `count` (restoring is one, too).
  /// Error(infrastructure) when it failed or the domain ended first, Error(timeout).
  void await_migration(int count, Deadline deadline);

  /// Kills the QEMU, because that is wanted. False when it is not ours to kill.
  bool kill() noexcept;

  /// Waits until the QEMU has ended. False when the deadline passed first.
  bool await_end(Deadline deadline) const;

private:
  void watch();
  bool read_console();  ///< false at its end
  bool panicked() const;
  std::optional<Condition> told_end() const;
  Condition told_condition() const;  ///< wants m_mutex held
  bool send_kill() noexcept;

  Peer m_qemu;
  FileDescriptor m_console_socket;
  FileDescriptor m_agent_socket;
  CancelToken m_cancel;
  CancelSource m_stop;
  CancelSource m_started;

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  ConsoleTail m_console;
  int m_migrations = 0;
  bool m_migration_failed = false;
  bool m_crashed = false;
  bool m_shut_down = false;
  bool m_libvirt_knows = false;  ///< of the end
  bool m_quit = false;           ///< it ends because we want it to
  bool m_ended = false;

  EndNotice m_notice;
  std::thread m_thread;
};

}  // namespace nestbox::libvirt
