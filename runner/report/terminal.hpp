#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runner/report/live_region.hpp"
#include "runner/report/printable_stream.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

struct TerminalSettings {
  std::function<void(std::string_view)> write;  ///< header, results and summary
  std::function<void(OutputStream, std::string_view)>
      output;  ///< of a test that is shown as it comes
  std::function<std::size_t()> columns = [] { return std::size_t{80}; };
  bool raw_output =
      false;  ///< stdout (raw_diagnostics: stderr) of that test byte for byte: it goes
  bool raw_diagnostics = false;  ///< to a file or a pipe, and the bytes are the result
  bool color = false;
  bool live = false;  ///< a terminal that can move its cursor: running tests are shown in place
  bool verbose = false;
  bool quiet = false;  ///< failures and the summary only
};

/// The report for a person. One test alone is shown as it runs; of many, each gets a line, and one
/// that fails its last output too. All foreign bytes go through printable().
class TerminalReporter : public TestEventListener {
public:
  explicit TerminalReporter(TerminalSettings settings);
  ~TerminalReporter() override;

  void run_started(const RunInfo& info) override;
  void environment_started(const EnvironmentUse& use) override;
  void environment_activity(std::string_view activity, bool finished) override;
  void environment_output(std::string_view bytes) override;
  void environment_ready(const EnvironmentUse& use, std::chrono::nanoseconds duration) override;
  void environment_failed(const EnvironmentUse& use, const Error& error) override;
  void test_started(const TestRun& run) override;
  void test_output(const TestRun& run, OutputStream stream, std::string_view bytes) override;
  void test_finished(const TestRun& run, const TestResult& result) override;
  void note(std::string_view text) override;
  void run_finished(const RunSummary& summary) override;

  /// Runs `write`, which writes to the terminal by another way, with the live region out of it.
  void make_way(const std::function<void()>& write);

private:
  struct Live {
    std::string text;
    std::chrono::steady_clock::time_point start;
  };

  void print(std::string_view text);
  void redraw();
  void tick();
  bool shows_output() const;
  std::string paint(Outcome outcome, std::string_view text) const;
  std::string result_line(const TestRun& run, const TestResult& result) const;
  void print_failure(const TestRun& run, const TestResult& result);
  void flush_stream();

  TerminalSettings m_settings;
  RunInfo m_info;
  std::mutex m_mutex;
  LiveRegion m_region;
  std::map<std::string, Live> m_activities;
  std::map<std::string, Live> m_tests;
  std::map<std::string, std::string>
      m_lines;  ///< the unfinished line of each running test's output
  std::map<OutputStream, PrintableStream> m_streams;
  bool m_at_line_start = true;
  bool m_built = false;
  std::size_t m_done = 0;
  std::vector<std::string> m_failures;
  std::condition_variable m_stop;
  bool m_stopping = false;
  std::thread m_ticker;
};

/// "3 passed, 1 failed, 2 skipped".
std::string describe_counts(const std::map<Outcome, int>& outcomes);

}  // namespace nestbox
