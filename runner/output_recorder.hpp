#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/scope.hpp"
#include "runner/cases/tap.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

/// Takes a test's output as it comes: all of it to a file, its cases to the TAP parser, its last 64
/// KiB to memory and every piece to the listener. Memory stays bounded however much comes. One call
/// at a time.
class OutputRecorder {
public:
  /// Throws Error(io) when `log` cannot be made.
  OutputRecorder(const std::filesystem::path& log, const TestRun& run, TestEventListener& listener);

  void write(OutputStream stream, std::string_view bytes);

  const std::string& tail();
  std::optional<CaseReport> finish_cases() { return m_tap.finish(); }
  /// Why the log is not whole (a full disk); empty when it is.
  const std::string& problem() const { return m_problem; }

private:
  void write_log(std::string_view bytes);

  FileDescriptor m_log;
  const TestRun& m_run;
  TestEventListener& m_listener;
  TapParser m_tap;
  std::string m_tail;
  std::string m_problem;
};

}  // namespace nestbox
