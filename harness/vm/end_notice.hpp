#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// Keeps the promise of Machine::on_end. Any thread.
class EndNotice {
public:
  /// `end` says how the machine ended, or nothing when that was asked for.
  explicit EndNotice(std::function<std::optional<Condition>()> end) : m_end(std::move(end)) {}

  /// As Machine::on_end.
  void on_end(std::function<void(Condition)> handler) {
    const std::lock_guard lock(m_mutex);
    m_handler = std::move(handler);
    if (m_announced)
      tell();
  }

  /// The machine has ended: tells the handler, the first time.
  void announce() {
    const std::lock_guard lock(m_mutex);
    if (!m_announced) {
      m_announced = true;
      tell();
    }
  }

private:
  void tell() {
    if (!m_handler)
      return;
    if (const std::optional<Condition> end = m_end())
      m_handler(*end);
  }

  std::mutex m_mutex;  ///< held while the handler is called
  std::function<std::optional<Condition>()> m_end;
  std::function<void(Condition)> m_handler;
  bool m_announced = false;
};

}  // namespace nestbox
