#include "runner/attempt.hpp"

#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "runner/cases/report_files.hpp"
#include "runner/kept_files.hpp"
#include "runner/output_recorder.hpp"
#include "runner/run_directory.hpp"
#include "runner/verdict.hpp"

namespace nestbox {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;

constexpr Bytes k_maximum_artifacts = gibibytes(4);
constexpr minutes k_machine_time{3};
constexpr minutes k_file_time{5};

std::string gibibytes_text(Bytes memory) {
  std::string text = fmt::format("{:.2f}", static_cast<double>(memory.count)
                                               / static_cast<double>(gibibytes(1).count));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text;
}

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
        m_timeout(scaled(run.test->timeout)) {}

  TestResult run(PreparedEnvironment& environment) {
    try {
      make_machine(environment);
      put_files();
      run_command();
      fetch_outputs();
      judge();
    } catch (const Error& error) {
      judge_error(error);
    }
    finish();
    return std::move(m_result);
  }

private:
  nanoseconds scaled(nanoseconds duration) const {
    return std::chrono::duration_cast<nanoseconds>(
        std::chrono::duration<double, std::nano>(duration) * m_use.timeout_scale);
  }

  Deadline file_deadline() const { return Deadline::after(scaled(k_file_time)); }

  void make_machine(PreparedEnvironment& environment) {
    m_machine = environment.machine(m_run.machine, m_run.test->isolation,
                                    Deadline::after(scaled(k_machine_time)), m_cancel);
    m_result.machine_time = m_watch.lap();
  }

  void put_files() {
    Transport& transport = m_machine->transport();
    const std::string workspace = m_machine->workspace();
    transport.put(m_context.run_directory / "layout",
                  {"src", "out", "build", "scratch", "inputs", "ccache"}, workspace,
                  file_deadline(), m_cancel);
    if (m_use.on_host)
      fs::create_directories(kept_directory());
    else if (std::vector<std::string> kept = files_below(kept_directory()); !kept.empty())
      transport.put(kept_directory(), kept, workspace + "/ccache", file_deadline(), m_cancel);
    m_start = put_source_tree(*m_machine, m_context.work_tree.get(), m_context.start_directory,
                              file_deadline(), m_cancel);
    m_result.files_time = m_watch.lap();
  }

  Command command() const {
    return {m_run.test->command,
            test_variables(m_context, m_use, m_run, *m_machine, m_context.work_tree.get().revision),
            m_start,
            {}};
  }

  void run_command() {
    CommandIo io;
    io.output = [this](OutputStream stream, std::string_view bytes) {
      m_output.write(stream, bytes);
    };
    m_command = m_machine->transport().run(command(), io, Deadline::after(m_timeout), m_cancel);
    m_result.command_time = m_watch.lap();
    if (!m_command.timed_out && !m_command.cancelled)
      m_result.status = m_command.status;
  }

  void fetch_outputs() {
    if (m_command.cancelled)
      return;
    Transport& transport = m_machine->transport();
    try {
      transport.get(m_machine->workspace() + "/out", m_run.directory / "artifacts",
                    k_maximum_artifacts, file_deadline(), m_cancel);
      if (!m_use.on_host)
        keep_ccache(transport);
    } catch (const Error& error) {
      if (error.code == ErrorCode::lost || error.code == ErrorCode::cancelled)
        throw;
      m_fetch_problem = error.message;
    }
    std::error_code not_empty;
    fs::remove(m_run.directory / "artifacts", not_empty);
  }

  fs::path kept_directory() const { return m_context.kept_directory / m_use.environment.name; }

  void keep_ccache(Transport& transport) {
    const fs::path staging = kept_directory().string() + "." + m_run.machine;
    ScopeExit clean([&] { remove_tree(staging); });
    fs::create_directories(m_context.kept_directory);
    transport.get(m_machine->workspace() + "/ccache", staging, k_maximum_artifacts, file_deadline(),
                  m_cancel);
    merge_tree(staging, kept_directory());
  }

  void judge() {
    m_result.output_tail = m_output.tail();
    if (std::optional<CaseReport> cases = m_output.finish_cases())
      m_result.reports.push_back(std::move(*cases));
    for (CaseReport& report : read_report_files(m_run.directory / "artifacts"))
      m_result.reports.push_back(std::move(report));
    if (m_command.timed_out && m_machine->condition() == Condition::panicked)
      return settle(judge_loss(Condition::panicked, {}));
    settle(
        judge_command(*m_run.test, m_command, m_result.reports, m_timeout, m_result.output_tail));
    if (m_fetch_problem.empty())
      return;
    if (m_result.outcome == Outcome::passed)
      m_result.outcome = Outcome::failed;
    add_detail(fmt::format("its outputs could not be kept: {}", m_fetch_problem));
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
    if (error.code == ErrorCode::cancelled)
      return settle({Outcome::cancelled, "ended because the run was interrupted"});
    if (!m_machine)
      return settle(
          {error.code == ErrorCode::lost ? Outcome::lost : Outcome::infra, summary(error)});
    if (error.code == ErrorCode::lost || error.code == ErrorCode::corrupt
        || error.code == ErrorCode::timeout)
      return settle(judge_loss(m_machine->condition(), summary(error)));
    settle({Outcome::infra, summary(error)});
  }

  static std::string summary(const Error& error) {
    std::string text = error.message;
    for (const std::string& step : error.trace)
      text += ", " + step;
    return printable(error.hint.empty() ? text : text + " (" + error.hint + ")");
  }

  void finish() {
    if (m_machine) {
      m_result.private_memory = m_machine->private_memory();
      if (std::string console = m_machine->console(); !console.empty())
        keep_console(console);
      if (is_failure(m_result.outcome) && m_result.outcome != Outcome::panic
          && m_context.on_failure)
        m_context.on_failure(*m_machine, command(), m_run);
      m_machine.reset();
    }
    if (!m_output.problem().empty())
      add_detail(m_output.problem());
    m_result.total_time = m_watch.total();
  }

  void keep_console(const std::string& console) {
    Result<void> kept = catch_error([&] { write_whole(m_run.directory / "console.log", console); });
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
  std::unique_ptr<Machine> m_machine;
  std::string m_start;
  CommandResult m_command;
  std::string m_fetch_problem;
  TestResult m_result;
};

}  // namespace

std::string put_source_tree(Machine& machine, const WorkTree& tree, const fs::path& start_directory,
                            Deadline deadline, const CancelToken& cancel) {
  const std::string source = machine.workspace() + "/src";
  machine.transport().put(tree.root, tree.files, source, deadline, cancel);
  const fs::path below = start_directory.lexically_relative(tree.root);
  const bool inside = !below.empty() && below != "." && *below.begin() != "..";
  return inside ? source + "/" + below.string() : source;
}

std::map<std::string, std::string> test_variables(const RunContext& context,
                                                  const EnvironmentUse& use, const TestRun& run,
                                                  const Machine& machine,
                                                  const std::string& revision) {
  const std::string workspace = machine.workspace();
  const Resources host = use.on_host ? host_resources() : Resources{};
  std::map<std::string, std::string> variables = use.environment.variables;
  auto add = [&](const std::map<std::string, std::string>& stronger) {
    for (const auto& [name, value] : stronger)
      variables[name] = value;
  };
  add(run.test->variables);
  add(context.variables);
  add({
      {"TEST_REPO", workspace + "/src"},
      {"TEST_INPUTS", workspace + "/inputs"},
      {"TEST_OUTPUT_DIR", workspace + "/out"},
      {"TEST_BUILD_OUTPUT_DIR", workspace + "/build"},
      {"TEST_SCRATCH_DIR", workspace + "/scratch"},
      {"TEST_CCACHE_DIR", use.on_host ? (context.kept_directory / use.environment.name).string()
                                      : workspace + "/ccache"},
      {"TEST_CORES_AVAILABLE", std::to_string(use.on_host ? host.cores : machine.spec().cores)},
      {"TEST_RAM_GB_AVAILABLE", gibibytes_text(use.on_host ? host.memory : machine.spec().memory)},
      {"REVISION", revision},
      {"NESTBOX_RUN", context.run_id},
      {"NESTBOX_TEST", run.test->name},
      {"NESTBOX_REPETITION", std::to_string(run.repetition)},
      {"NESTBOX_ATTEMPT", std::to_string(run.attempt)},
      {"NESTBOX_ENVIRONMENT", use.environment.name},
      {"NESTBOX_DRIVER", use.driver},
      {"NESTBOX_ACCELERATION", use.acceleration},
      {"NESTBOX_MACHINE", run.machine},
  });
  return variables;
}

TestResult run_attempt(const RunContext& context, const EnvironmentUse& use,
                       PreparedEnvironment& environment, const TestRun& run,
                       TestEventListener& listener, const CancelToken& cancel) {
  Result<TestResult> result =
      catch_error([&] { return Attempt(context, use, run, listener, cancel).run(environment); });
  if (result)
    return std::move(*result);
  TestResult broken;
  broken.detail = result.error().message;
  return broken;
}

}  // namespace nestbox
