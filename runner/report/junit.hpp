#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runner/test_events.hpp"

namespace nestbox {

/// `text` as XML character data or attribute value: invalid UTF-8, control bytes and characters
/// that XML 1.0 has no way to say become visible as \xNN.
std::string xml_text(std::string_view text);

/// Collects the run and writes JUnit XML at its end: a <testsuite> an execution, a <testcase> for
/// each of its cases, and one for the execution itself when it has none or fails though they
/// passed. Only last words count, not attempts that were run again.
class JUnitReporter : public TestEventListener {
public:
  /// Throws Error(io) at once when the file cannot be made.
  explicit JUnitReporter(std::filesystem::path file);

  void test_finished(const TestRun& run, const TestResult& result) override;
  void run_finished(const RunSummary& summary) override;

private:
  struct Totals {
    int tests = 0;
    int failures = 0;
    int errors = 0;
    int skipped = 0;
  };
  void write_case(std::string& xml, Totals& totals, std::string_view group, std::string_view name,
                  Outcome outcome, std::string_view message, double seconds);

  std::filesystem::path m_file;
  std::string m_suites;
  Totals m_totals;
};

}  // namespace nestbox
