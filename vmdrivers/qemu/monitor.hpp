#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "harness/base/subprocess.hpp"
#include "harness/vm/console_tail.hpp"
#include "harness/vm/end_notice.hpp"
#include "vmdrivers/qemu/qmp_client.hpp"

namespace nestbox::qemu {

/// Our ends of what a QEMU was started with.
struct QemuConnections {
  FileDescriptor qmp;
  FileDescriptor console;
  FileDescriptor diagnostics;  ///< its stderr
  FileDescriptor agent;        ///< watched only for the end of the connection
};

/// Watches one QEMU: owns its process, and a thread that reads all it says. Dropping it kills the
/// QEMU.
class Monitor {
public:
  /// Until `started` is called, `cancel` kills the QEMU.
  Monitor(Process process, QemuConnections connections, CancelToken cancel);
  ~Monitor();

  QmpClient& qmp() noexcept { return m_qmp; }
  pid_t pid() const noexcept { return m_process.pid(); }

  void started() noexcept;

  std::string console() const;
  /// The end of what QEMU wrote to its stderr.
  std::string diagnostics() const;

  /// As Machine::condition.
  Condition condition();

  /// As Machine::on_end.
  void on_end(std::function<void(Condition)> handler) { m_notice.on_end(std::move(handler)); }

  /// Waits for the end of a migration that this machine was told to do. Error(infrastructure) when
  /// it failed or the machine ended first, Error(timeout).
  void await_migration(Deadline deadline);

  /// Waits until QEMU has exited. False when the deadline passed first.
  bool await_end(Deadline deadline);

private:
  void watch();
  void handle(const QmpEvent& event);
  void end_stopped(bool no_space);
  bool panicked() const;
  std::optional<Condition> told_end() const;
  Condition told_condition() const;  ///< wants m_mutex held
  bool read_console();               ///< false when there was nothing
  bool read_diagnostics();

  Process m_process;
  FileDescriptor m_console_socket;
  FileDescriptor m_diagnostics_pipe;
  FileDescriptor m_agent_socket;
  QmpClient m_qmp;
  CancelToken m_cancel;
  CancelSource m_stop;
  CancelSource m_started;

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  ConsoleTail m_console;
  std::string m_diagnostics;
  std::string m_migration;  ///< the last status told; empty before the first
  bool m_panicked = false;
  bool m_shut_down = false;
  bool m_quit = false;  ///< it ends because we told it to
  bool m_ended = false;

  EndNotice m_notice;
  std::thread m_thread;
};

}  // namespace nestbox::qemu
