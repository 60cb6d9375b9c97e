#include "runner/attempt.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "runner/cases/report_files.hpp"
#include "runner/nested_check.hpp"
#include "runner/verdict.hpp"

namespace nestbox {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;

constexpr minutes k_machine_time{3};
constexpr minutes k_check_time{1};

class Stopwatch {
public:
  nanoseconds total() const { return std::chrono::steady_clock::now() - m_start; }
  nanoseconds lap() {
    const auto now = std::chrono::steady_clock::now();
    return now - std::exchange(m_lap, now);
  }

private:
  std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point m_lap = m_start;
};

/// One attempt, step by step; members are what the steps hand on.
class Attempt {
public:
  Attempt(const RunContext& context, const EnvironmentUse& use, const TestRun& run,
          TestEventListener& listener, const CancelToken& cancel)
      : m_context(context), m_use(use), m_run(run), m_listener(listener), m_cancel(cancel),
        m_output(run.directory / "output.log", run, listener),
        m_timeout(scaled(run.test->timeout, use)) {}

  TestResult run(PreparedStage& prepared) {
    try {
      m_stage = prepared.open({m_context, m_use, m_run, m_listener},
                              Deadline::after(machine_time()), m_cancel);
      m_result.machine_time = m_watch.lap();
      if (std::optional<std::string> reason = unmet_need())
        settle({Outcome::skipped, std::move(*reason)});
      else
        do_test();
    } catch (const Error& error) {
      judge_error(error);
    }
    finish();
    return std::move(m_result);
  }

private:
  nanoseconds machine_time() const {
    return std::max<nanoseconds>(scaled(k_machine_time, m_use), m_use.start_limit);
  }

  void do_test() {
    m_stage->lay_out(m_cancel);
    m_result.files_time = m_watch.lap();
    perform();
    fetch_outputs();
    judge();
  }

  /// A need that only the machines themselves can tell of.
  std::optional<std::string> unmet_need() {
    if (!m_run.test->needs.nested)
      return std::nullopt;
    const Deadline deadline = Deadline::after(scaled(k_check_time, m_use));
    for (const Workplace* place : m_stage->workplaces())
      if (const auto reason = place->on_host()
                                  ? std::nullopt
                                  : missing_virtualization(place->machine(), deadline, m_cancel))
        return fmt::format("needs a hypervisor inside; on machine '{}' {}", place->name(), *reason);
    return std::nullopt;
  }

  void perform() {
    m_performance = m_stage->perform(m_output, Deadline::after(m_timeout), m_cancel);
    m_result.command_time = m_watch.lap();
    const CommandResult& command = m_performance.command;
    if (!command.timed_out && !command.cancelled)
      m_result.status = command.status;
  }

  void fetch_outputs() {
    if (m_performance.command.cancelled)
      return;
    const fs::path artifacts = m_run.directory / "artifacts";
    try {
      m_stage->fetch(artifacts, m_cancel);
    } catch (const Error& error) {
      if (error.code == ErrorCode::lost || error.code == ErrorCode::cancelled)
        throw;
      m_fetch_problem = error.message;
    }
    std::error_code not_empty;
    fs::remove(artifacts, not_empty);
  }

  void judge() {
    take_reports();
    if (const std::optional<MachineEnd>& end = m_performance.machine_end)
      return settle(judge_loss(*end, {}));
    settle(judge_performance(*m_run.test, m_performance, m_result.reports, m_timeout,
                             m_result.output_tail));
    if (m_fetch_problem.empty())
      return;
    if (m_result.outcome == Outcome::passed)
      m_result.outcome = Outcome::failed;
    add_detail(fmt::format("its outputs could not be kept: {}", m_fetch_problem));
  }

  void take_reports() {
    m_result.output_tail = m_output.tail();
    m_result.reports = m_output.finish_cases();
    for (CaseReport& report : read_report_files(m_run.directory / "artifacts"))
      m_result.reports.push_back(std::move(report));
  }

  void settle(Verdict verdict) {
    m_result.outcome = verdict.outcome;
    m_result.detail = std::move(verdict.detail);
  }

  void add_detail(const std::string& text) {
    m_result.detail += (m_result.detail.empty() ? "" : "; ") + text;
  }

  void judge_error(const Error& error) {
    m_result.output_tail = m_output.tail();
    if (error.code == ErrorCode::cancelled && m_cancel.cancelled())
      return settle({Outcome::cancelled, "ended because the run was interrupted"});
    if (!m_stage)
      return settle(
          {error.code == ErrorCode::lost ? Outcome::lost : Outcome::infra, summary(error)});
    if (const std::optional<MachineEnd> end = m_stage->machine_end())
      return settle(judge_loss(*end, summary(error)));
    const bool broken = error.code == ErrorCode::lost || error.code == ErrorCode::corrupt
                        || error.code == ErrorCode::timeout;
    settle({broken ? Outcome::lost : Outcome::infra, summary(error)});
  }

  static std::string summary(const Error& error) {
    std::string text = error.message;
    for (const std::string& step : error.trace)
      text += ", " + step;
    return printable(error.hint.empty() ? text : text + " (" + error.hint + ")");
  }

  void finish() {
    if (m_stage) {
      m_result.private_memory = m_stage->private_memory();
      m_result.seed = m_stage->seed();
      keep_evidence();
      if (is_failure(m_result.outcome) && m_result.outcome != Outcome::panic
          && m_context.on_failure)
        m_context.on_failure(m_stage->workplaces(), m_run);
      m_stage.reset();
    }
    if (!m_output.problem().empty())
      add_detail(m_output.problem());
    m_result.total_time = m_watch.total();
  }

  void keep_evidence() {
    const Result<void> kept = catch_error([&] { m_stage->keep_evidence(m_run.directory); });
    if (!kept)
      log(LogLevel::warning, kept.error().message);
  }

  const RunContext& m_context;
  const EnvironmentUse& m_use;
  const TestRun& m_run;
  TestEventListener& m_listener;
  const CancelToken& m_cancel;
  OutputRecorder m_output;
  nanoseconds m_timeout;
  Stopwatch m_watch;
  std::unique_ptr<Stage> m_stage;
  Performance m_performance;
  std::string m_fetch_problem;
  TestResult m_result;
};

}  // namespace

TestResult run_attempt(const RunContext& context, const EnvironmentUse& use,
                       PreparedStage& prepared, const TestRun& run, TestEventListener& listener,
                       const CancelToken& cancel) {
  TestResult broken;
  try {
    return Attempt(context, use, run, listener, cancel).run(prepared);
  } catch (const std::exception& error) {
    broken.detail = error.what();
  }
  return broken;
}

}  // namespace nestbox
