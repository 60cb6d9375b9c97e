#pragma once

#include <functional>
#include <thread>

#include "harness/base/scope.hpp"

namespace nestbox {

/// While it lives, SIGINT calls `interrupt` once a press, SIGTERM and SIGHUP twice at once (they
/// mean "now"). Made before any thread, for the threads made later inherit the blocked signals.
class Interrupts {
public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Once. `interrupt` is called on a thread of its own.
  void deliver_to(std::function<void()> interrupt);

private:
  void watch(const std::function<void()>& interrupt);

  FileDescriptor m_signals;
  FileDescriptor m_stop;
  std::thread m_thread;
};

}  // namespace nestbox
