#pragma once

#include <atomic>
#include <optional>

#include "harness/env/progress.hpp"
#include "runner/cli/assignment.hpp"
#include "runner/cli/run.hpp"
#include "runner/event_fanout.hpp"
#include "runner/report/terminal.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {

/// What is built for a run, as events of the run.
class ProgressEvents : public Progress {
public:
  explicit ProgressEvents(TestEventListener& listener) : m_listener(listener) {}
  void started(std::string_view activity) override {
    m_listener.environment_activity(activity, false);
  }
  void output(std::string_view bytes) override { m_listener.environment_output(bytes); }
  void finished(std::string_view activity) override {
    m_listener.environment_activity(activity, true);
  }

private:
  TestEventListener& m_listener;
};

/// Log lines go to stderr, but not across the live region.
class LogBesideTerminal {
public:
  explicit LogBesideTerminal(TerminalReporter& terminal);
  LogBesideTerminal(const LogBesideTerminal&) = delete;
  LogBesideTerminal& operator=(const LogBesideTerminal&) = delete;
  ~LogBesideTerminal();

private:
  static inline std::atomic<TerminalReporter*> s_terminal = nullptr;
};

/// Remembers what the one command of `run -- COMMAND` ended with.
class CommandStatus : public TestEventListener {
public:
  void test_finished(const TestRun&, const TestResult& result) override {
    m_status = result.status;
  }
  int exit_code(const RunSummary& summary) const {
    return m_status && !summary.interrupted ? m_status->shell_code() : summary.exit_code;
  }

private:
  std::optional<ExitStatus> m_status;
};

/// Adds what keeps the run (its directory's files), what `--report` asks for, and GitHub's
/// annotations where they are seen. Throws Error(usage), Error(io).
void add_reports(const RunOptions& options, const RunDirectory& directory, EventFanout& events);

/// --explain, a line a test: where it runs and why, or why not.
std::vector<std::string> explain(const Assignment& assignment, std::size_t deselected);

}  // namespace nestbox
