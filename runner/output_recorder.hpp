#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"
#include "runner/cases/tap.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

/// Takes a test's output as it comes: all of it to a file, its cases to a TAP parser, its last 64
/// KiB to memory and every piece to the listener. Memory stays bounded however much comes. One call
/// at a time.
class OutputRecorder {
public:
  /// Throws Error(io) when `log` cannot be made.
  OutputRecorder(const std::filesystem::path& log, const TestRun& run, TestEventListener& listener);

  void write(OutputStream stream, std::string_view bytes);

  /// Whole lines that begin with "MACHINE | ". Each machine's cases are its own: "MACHINE > case".
  void write_lines(const std::string& machine, OutputStream stream, std::string_view lines);

  /// A line of ours between those of the test.
  void remark(std::string_view text);

  const std::string& tail();
  std::vector<CaseReport> finish_cases();
  /// Why the log is not whole (a full disk); empty when it is.
  const std::string& problem() const { return m_problem; }

private:
  void keep(OutputStream stream, std::string_view bytes);
  void write_log(std::string_view bytes);

  FileDescriptor m_log;
  const TestRun& m_run;
  TestEventListener& m_listener;
  std::map<std::string, TapParser> m_taps;  ///< by machine; "": the test's own output
  std::string m_tail;
  std::string m_problem;
};

}  // namespace nestbox
