#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "harness/base/scope.hpp"

namespace nestbox {

/// The instant by which a wait must have ended. Every wait takes one; `never()` is for a person at
/// a terminal.
class Deadline {
public:
  using Clock = std::chrono::steady_clock;

  static Deadline after(std::chrono::nanoseconds duration);
  static Deadline never() { return Deadline(Clock::time_point::max()); }

  bool is_never() const { return m_instant == Clock::time_point::max(); }
  bool passed() const { return !is_never() && Clock::now() >= m_instant; }
  Clock::time_point instant() const { return m_instant; }

  /// Time left, never negative; nanoseconds::max() when there is no end.
  std::chrono::nanoseconds remaining() const;

  /// What poll(2) takes: milliseconds rounded up, -1 for never.
  int poll_timeout() const;

  friend Deadline earlier(Deadline a, Deadline b) { return a.m_instant <= b.m_instant ? a : b; }

private:
  explicit Deadline(Clock::time_point instant) : m_instant(instant) {}
  Clock::time_point m_instant;
};

/// A question that long waits keep asking: "should I stop?". Copies share one answer; a
/// default-made token never cancels. Its descriptor becomes readable (for good) when cancelled, so
/// that a poll can wait on it as an event. Safe from any thread.
class CancelToken {
public:
  CancelToken() = default;

  bool cancelled() const noexcept;
  int descriptor() const noexcept;  ///< for poll(2); -1 when the token never cancels
  void throw_if_cancelled() const;  ///< Error(cancelled)

private:
  friend class CancelSource;
  std::shared_ptr<FileDescriptor> m_event;
};

/// The side that answers.
class CancelSource {
public:
  CancelSource();
  /// Its token is also cancelled when `parent` is.
  explicit CancelSource(const CancelToken& parent);

  CancelToken token() const noexcept { return m_token; }
  void cancel() noexcept;  ///< async-signal-safe; idempotent

private:
  CancelToken m_token;
  FileDescriptor m_event;  ///< what cancel() writes to
};

enum class Wait { ready, timed_out, cancelled };

/// Blocks until `descriptor` is readable (or closed by its peer), the deadline passes or the token
/// is cancelled.
Wait wait_readable(int descriptor, Deadline deadline, const CancelToken& cancel = {});
Wait wait_writable(int descriptor, Deadline deadline, const CancelToken& cancel = {});

}  // namespace nestbox
