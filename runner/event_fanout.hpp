#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "runner/test_events.hpp"

namespace nestbox {

/// Hands every event to all listeners, one call at a time whatever thread it comes from.
class EventFanout : public TestEventListener {
public:
  /// Before the first event. The listener lives as long as the fanout.
  template <class Listener>
  Listener& add(std::unique_ptr<Listener> listener) {
    Listener& added = *listener;
    m_listeners.push_back(std::move(listener));
    return added;
  }

  void run_started(const RunInfo& info) override;
  void environment_started(const EnvironmentUse& use) override;
  void environment_activity(std::string_view activity, bool finished) override;
  void environment_output(std::string_view bytes) override;
  void environment_ready(const EnvironmentUse& use, std::chrono::nanoseconds duration) override;
  void environment_failed(const EnvironmentUse& use, const Error& error) override;
  void test_started(const TestRun& run) override;
  void test_output(const TestRun& run, OutputStream stream, std::string_view bytes) override;
  void verb_done(const TestRun& run, const VerbRecord& record) override;
  void test_finished(const TestRun& run, const TestResult& result) override;
  void note(std::string_view text) override;
  void run_finished(const RunSummary& summary) override;

private:
  template <class Call>
  void each(Call call) {
    std::lock_guard lock(m_mutex);
    for (const std::unique_ptr<TestEventListener>& listener : m_listeners)
      call(*listener);
  }

  std::mutex m_mutex;
  std::vector<std::unique_ptr<TestEventListener>> m_listeners;
};

}  // namespace nestbox
