#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "harness/base/scope.hpp"

namespace nestbox {

/// What SIGINT, SIGTERM and SIGHUP do while it lives: end the program at once with exit code 130,
/// machines and build tools with it, unless somebody handles them. Made before any other thread,
/// for those inherit the blocked signals.
class Interrupts {
public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// As long as it lives, its function is called instead: once a SIGINT, twice at once for the
  /// others, which mean "now". On a thread of ours; must not block.
  class [[nodiscard]] Handling {
  public:
    Handling(Interrupts& interrupts, std::function<void()> handler);
    ~Handling();
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;

  private:
    Interrupts& m_interrupts;
  };

private:
  void watch();
  void handle(bool at_once);

  FileDescriptor m_signals;
  FileDescriptor m_stop;
  std::mutex m_mutex;
  std::function<void()> m_handler;  ///< guarded by m_mutex, also while it is called
  std::thread m_thread;
};

}  // namespace nestbox
