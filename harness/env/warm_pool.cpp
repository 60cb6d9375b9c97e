#include "harness/env/warm_pool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/log.hpp"
#include "harness/env/machine_identity.hpp"

namespace nestbox {
namespace {

constexpr std::chrono::minutes k_make_time(5);

/// Runs one command to its end, so that the next one finds its way prepared.
void exercise(Machine& machine, Deadline deadline, const CancelToken& cancel) {
  machine.transport().run({.argv = {"true"}}, {}, deadline, cancel);
}

}  // namespace

WarmPool::WarmPool(std::shared_ptr<PreparedEnvironment> environment, Limits limits)
    : m_environment(std::move(environment)), m_limits(limits), m_thread([this] { refill(); }) {}

WarmPool::~WarmPool() {
  {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_stop.cancel();
  m_changed.notify_all();
  m_thread.join();
}

std::unique_ptr<Machine> WarmPool::machine(const MachineOptions& options, Deadline deadline,
                                           const CancelToken& cancel) {
  if (options.isolation == Isolation::fork && options.cables.empty() && !options.save_directory) {
    while (auto machine = take()) {
      const Result<void> thawed =
          catch_error([&] { machine->transport().thaw(identity_of(options), deadline); });
      if (thawed)
        return machine;
      // It died while it waited; the next one, or one made now, is as good.
      if (thawed.error().code != ErrorCode::lost)
        throw thawed.error();
    }
  }
  return m_environment->machine(options, deadline, cancel);
}

bool WarmPool::await_full(Deadline deadline) {
  std::unique_lock lock(m_mutex);
  const auto done = [this] { return full() || m_stopping; };
  if (!deadline.is_never())
    return m_changed.wait_until(lock, deadline.instant(), done);
  m_changed.wait(lock, done);
  return true;
}

std::unique_ptr<Machine> WarmPool::take() {
  const std::lock_guard lock(m_mutex);
  if (m_waiting.empty())
    return nullptr;
  auto machine = std::move(m_waiting.front());
  m_waiting.pop_front();
  m_changed.notify_all();
  return machine;
}

void WarmPool::refill() {
  for (int number = 1;; ++number) {
    {
      std::unique_lock lock(m_mutex);
      m_changed.wait(lock, [this] { return m_stopping || !full(); });
      if (m_stopping)
        return;
    }
    try {
      const Deadline deadline = Deadline::after(k_make_time);
      auto machine = m_environment->machine(fmt::format("warm-{}", number), Isolation::fork,
                                            deadline, m_stop.token());
      exercise(*machine, deadline, m_stop.token());
      const Bytes memory = machine->private_memory();
      const std::lock_guard lock(m_mutex);
      m_machine_memory = std::max(m_machine_memory, memory);
      m_waiting.push_back(std::move(machine));
      m_changed.notify_all();
    } catch (const Error& error) {
      const std::lock_guard lock(m_mutex);
      if (!m_stopping)
        log(LogLevel::warning, fmt::format("no more machines of environment '{}' are kept warm: {}",
                                           definition().name, error.message));
      m_stopping = true;
      m_changed.notify_all();
      return;
    }
  }
}

/// Called with the mutex held.
bool WarmPool::full() const {
  const std::uint64_t count = m_waiting.size();
  if (count >= static_cast<std::uint64_t>(std::max(m_limits.machines, 0)))
    return true;
  return m_machine_memory * (count + 1) > m_limits.memory;
}

}  // namespace nestbox
