#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "runner/cases/outcome.hpp"

namespace nestbox {

/// What the plan has to know of one test.
struct PlannedTest {
  std::size_t environment = 0;  ///< an index; tests of one environment need the same resources
  std::chrono::milliseconds timeout{};
  int repeat = 1;
  int retries = 0;  ///< of a failure
};

/// One execution of one test.
struct Job {
  std::size_t test = 0;  ///< index into the planned tests
  int repetition = 1;
  int attempt = 1;
  int machine_faults = 0;  ///< attempts before this one that the machine spoiled

  bool operator==(const Job&) const = default;
};

/// Decides what runs next. Pure: no I/O, no time, no threads; the caller tells what happened.
/// Longest timeout first (so that the last test to end is a short one), else in the order given.
class Plan {
public:
  struct Options {
    int jobs = 0;            ///< at most so many at once; 0: as resources allow
    bool fail_fast = false;  ///< nothing new starts after the first failure
  };

  /// A fault of the machine is tried again on a fresh one this often.
  static constexpr int k_machine_retries = 2;

  Plan(std::vector<PlannedTest> tests, std::size_t environments, Options options);

  void environment_ready(std::size_t environment);
  /// Its jobs, which can never run now.
  std::vector<Job> environment_failed(std::size_t environment);

  /// The job to start now, which counts as running from here on; nothing when none can. `has_room`
  /// is asked per environment.
  std::optional<Job> next(const std::function<bool(std::size_t environment)>& has_room);

  /// A running job ended. True when it will be run again: its outcome is then not the test's last
  /// word.
  bool finished(const Job& job, Outcome outcome);

  /// Starts nothing new. The jobs that were waiting.
  std::vector<Job> stop();

  bool stopped() const { return m_stopped; }
  bool done() const { return m_waiting == 0 && m_running == 0; }
  std::size_t running() const { return m_running; }

private:
  struct Queue {
    std::deque<Job> jobs;
    bool ready = false;
  };

  bool before(const Job& a, const Job& b) const;
  std::optional<Job> retry_of(const Job& job, Outcome outcome) const;

  std::vector<PlannedTest> m_tests;
  std::vector<Queue> m_queues;
  Options m_options;
  std::size_t m_waiting = 0;
  std::size_t m_running = 0;
  bool m_stopped = false;
};

}  // namespace nestbox
