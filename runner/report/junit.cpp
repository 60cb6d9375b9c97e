#include "runner/report/junit.hpp"

#include <fstream>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {
namespace {

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

bool is_error(Outcome outcome) {
  return is_machine_fault(outcome) || outcome == Outcome::cancelled;
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string safe;
  const std::string visible = printable(text);
  for (std::size_t at = 0; at < visible.size(); ++at) {
    // U+FFFE and U+FFFF are valid UTF-8, but no XML characters.
    const std::string_view three = std::string_view(visible).substr(at, 3);
    if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      safe += three == "\xEF\xBF\xBE" ? "\\xef\\xbf\\xbe" : "\\xef\\xbf\\xbf";
      at += 2;
      continue;
    }
    switch (visible[at]) {
    case '&':
      safe += "&amp;";
      break;
    case '<':
      safe += "&lt;";
      break;
    case '>':
      safe += "&gt;";
      break;
    case '"':
      safe += "&quot;";
      break;
    default:
      safe += visible[at];
    }
  }
  return safe;
}

JUnitReporter::JUnitReporter(std::filesystem::path file) : m_file(std::move(file)) {
  if (!std::ofstream(m_file))
    throw Error(ErrorCode::io, fmt::format("cannot write '{}'", m_file.string()));
}

void JUnitReporter::test_finished(const TestRun& run, const TestResult& result) {
  if (result.run_again)
    return;
  Totals totals;
  std::string cases;
  bool explained = false;
  for (const CaseReport& report : result.reports)
    for (const TestCase& test_case : report.cases) {
      write_case(cases, totals, run.id, test_case.name, test_case.outcome, test_case.message,
                 seconds(test_case.duration));
      explained |= test_case.outcome == result.outcome || is_failure(test_case.outcome);
    }
  if (!explained)
    write_case(cases, totals, run.id, run.test->name, result.outcome, result.detail,
               seconds(result.command_time));
  m_suites += fmt::format(
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
      "time=\"{:.3f}\">\n{}",
      xml_text(run.id), totals.tests, totals.failures, totals.errors, totals.skipped,
      seconds(result.total_time), cases);
  if (!result.output_tail.empty())
    m_suites += fmt::format("    <system-out>{}</system-out>\n", xml_text(result.output_tail));
  m_suites += "  </testsuite>\n";
  m_totals.tests += totals.tests;
  m_totals.failures += totals.failures;
  m_totals.errors += totals.errors;
  m_totals.skipped += totals.skipped;
}

void JUnitReporter::run_finished(const RunSummary& summary) {
  write_whole(
      m_file,
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nestbox\" "
                  "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}"
                  "</testsuites>\n",
                  m_totals.tests, m_totals.failures, m_totals.errors, m_totals.skipped,
                  seconds(summary.duration), m_suites));
}

void JUnitReporter::write_case(std::string& xml, Totals& totals, std::string_view group,
                               std::string_view name, Outcome outcome, std::string_view message,
                               double time) {
  ++totals.tests;
  xml += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml_text(group),
                     xml_text(name), time);
  const std::string attributes =
      fmt::format("type=\"{}\" message=\"{}\"", outcome_name(outcome), xml_text(message));
  if (is_failure(outcome)) {
    ++totals.failures;
    xml += fmt::format(">\n      <failure {}/>\n    </testcase>\n", attributes);
  } else if (is_error(outcome)) {
    ++totals.errors;
    xml += fmt::format(">\n      <error {}/>\n    </testcase>\n", attributes);
  } else if (outcome == Outcome::skipped || outcome == Outcome::xfailed) {
    ++totals.skipped;
    xml += fmt::format(">\n      <skipped {}/>\n    </testcase>\n", attributes);
  } else {
    xml += "/>\n";
  }
}

}  // namespace nestbox
