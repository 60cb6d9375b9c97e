#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "harness/env/environment.hpp"

namespace nestbox {

/// A prepared environment whose forks are made ahead: some clones wait, restored, answered and
/// having run a command once (so that what an emulator translates for it is translated), and are
/// replaced on a thread as they are handed out. Fresh machines, and forks while none is ready, come
/// from the environment itself.
class WarmPool final : public PreparedEnvironment {
public:
  struct Limits {
    int machines = 2;               ///< that wait at once
    Bytes memory = mebibytes(512);  ///< private memory of all that wait, as they really use it
  };

  WarmPool(std::shared_ptr<PreparedEnvironment> environment, Limits limits);
  ~WarmPool() override;  ///< ends those that wait

  const Environment& definition() const override { return m_environment->definition(); }
  std::optional<Snapshot> template_snapshot() const override {
    return m_environment->template_snapshot();
  }
  std::string content() const override { return m_environment->content(); }

  /// A machine that waited keeps the name it was made with in its spec; its identity is what is
  /// asked for. None that is to be wired or saved has waited.
  std::unique_ptr<Machine> machine(const MachineOptions& options, Deadline deadline,
                                   const CancelToken& cancel) override;
  using PreparedEnvironment::machine;

  /// Blocks until as many wait as the limits allow, or no more can be made. False when the deadline
  /// passed first.
  bool await_full(Deadline deadline);

private:
  std::unique_ptr<Machine> take();
  void refill();
  bool full() const;

  const std::shared_ptr<PreparedEnvironment> m_environment;
  const Limits m_limits;
  CancelSource m_stop;

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::deque<std::unique_ptr<Machine>> m_waiting;
  Bytes m_machine_memory;  ///< the largest seen
  bool m_stopping = false;

  std::thread m_thread;
};

}  // namespace nestbox
