#include "runner/verdict.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr int k_automake_skip = 77;
constexpr int k_kselftest_skip = 4;
constexpr int k_hard_error = 99;

std::string last_line(std::string_view output) {
  output = trim(output);
  const std::size_t newline = output.find_last_of('\n');
  const std::string_view line =
      newline == std::string_view::npos ? output : output.substr(newline + 1);
  return printable(trim(line.substr(0, 200)));
}

bool is_ktap(const std::vector<CaseReport>& reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const CaseReport& report) { return report.format == "ktap"; });
}

const CaseReport* broken_report(const std::vector<CaseReport>& reports) {
  for (const CaseReport& report : reports)
    if (!report.problem.empty() && !report.skipped_whole)
      return &report;
  return nullptr;
}

std::string with_cases(std::string text, const CaseCounts& counts) {
  if (counts.failed > 0)
    text += fmt::format(", {} of {} cases failed", counts.failed, counts.total);
  return text;
}

Verdict judge_success(const std::vector<CaseReport>& reports, const CaseCounts& counts) {
  if (counts.failed > 0)
    return {Outcome::failed,
            fmt::format("exit code 0, but {} of {} cases failed", counts.failed, counts.total)};
  if (const CaseReport* broken = broken_report(reports))
    return {Outcome::failed, fmt::format("exit code 0, but its {} report is bad: {}",
                                         broken->format, printable(broken->problem))};
  for (const CaseReport& report : reports)
    if (report.skipped_whole)
      return {Outcome::skipped,
              report.problem.empty() ? "planned no cases" : printable(report.problem)};
  if (counts.total > 0 && counts.skipped == counts.total)
    return {Outcome::skipped, fmt::format("all {} cases skipped", counts.total)};
  return {Outcome::passed, {}};
}

Verdict judge_exit(const CommandResult& result, const std::vector<CaseReport>& reports,
                   std::string_view tail) {
  const CaseCounts counts = count_cases(reports);
  const ExitStatus status = result.status;
  if (status.success())
    return judge_success(reports, counts);
  const bool by_itself = status.signal == 0;
  if (by_itself && counts.failed == 0
      && (status.code == k_automake_skip
          || (status.code == k_kselftest_skip && is_ktap(reports)))) {
    std::string reason = last_line(tail);
    return {Outcome::skipped, reason.empty() ? describe(status) : reason};
  }
  if (result.oom_kills > 0)
    return {Outcome::oom,
            fmt::format("{}; the machine ran out of memory and its kernel killed {} process{}",
                        describe(status), result.oom_kills, result.oom_kills == 1 ? "" : "es")};
  if (by_itself && status.code == k_hard_error)
    return {Outcome::failed, with_cases("hard error (exit code 99)", counts)};
  return {Outcome::failed, with_cases(describe(status), counts)};
}

Verdict judge_timeout(std::chrono::nanoseconds timeout) {
  return {Outcome::timeout, fmt::format("still running after {}; its processes were killed",
                                        format_duration(timeout))};
}

/// What the kernel said: "Kernel panic - not syncing: sysrq triggered crash".
std::string panic_reason(std::string_view console) {
  constexpr std::string_view k_panic = "Kernel panic - not syncing: ";
  const std::size_t start = console.rfind(k_panic);
  if (start == std::string_view::npos)
    return {};
  console.remove_prefix(start + k_panic.size());
  return printable(trim(console.substr(0, std::min<std::size_t>(console.find('\n'), 200))));
}

}  // namespace

CaseCounts count_cases(const std::vector<CaseReport>& reports) {
  CaseCounts counts;
  for (const CaseReport& report : reports)
    for (const TestCase& test_case : report.cases) {
      ++counts.total;
      counts.failed += is_failure(test_case.outcome) || is_machine_fault(test_case.outcome);
      counts.skipped += test_case.outcome == Outcome::skipped;
    }
  return counts;
}

Verdict judge_performance(const Test& test, const Performance& performance,
                          const std::vector<CaseReport>& reports, std::chrono::nanoseconds timeout,
                          std::string_view output_tail) {
  const CommandResult& result = performance.command;
  if (result.cancelled)
    return {Outcome::cancelled, "ended because the run was interrupted"};
  Verdict verdict = result.timed_out ? judge_timeout(performance.time_limit.value_or(timeout))
                    : performance.problem.empty() ? judge_exit(result, reports, output_tail)
                                                  : Verdict{Outcome::failed, performance.problem};
  if (!performance.where.empty() && !verdict.detail.empty())
    verdict.detail = performance.where + ": " + verdict.detail;
  if (!test.expected_failure || result.timed_out)
    return verdict;
  if (verdict.outcome == Outcome::failed)
    return {Outcome::xfailed, fmt::format("{} ({})", *test.expected_failure, verdict.detail)};
  if (verdict.outcome == Outcome::passed)
    return {Outcome::xpassed,
            fmt::format("passed, though expected to fail: {}", *test.expected_failure)};
  return verdict;
}

Verdict judge_loss(const MachineEnd& end, std::string_view what) {
  const std::string machine =
      end.machine.empty() ? "the machine" : fmt::format("machine '{}'", end.machine);
  switch (end.condition) {
  case Condition::panicked: {
    const std::string reason = panic_reason(end.console);
    return {Outcome::panic, fmt::format("{}: kernel panic{}; see its console", machine,
                                        reason.empty() ? "" : ": " + reason)};
  }
  case Condition::stopped:
    return {Outcome::lost, fmt::format("{} powered off or rebooted under the test", machine)};
  case Condition::lost:
  case Condition::running:
    break;
  }
  if (what.empty())
    return {Outcome::lost, fmt::format("{} vanished under the test", machine)};
  return {Outcome::lost,
          end.machine.empty() ? std::string(what) : fmt::format("{}: {}", machine, what)};
}

}  // namespace nestbox
