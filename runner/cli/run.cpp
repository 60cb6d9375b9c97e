#include "runner/cli/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <limits>

#include <fmt/format.h>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/env/warm_pool.hpp"
#include "runner/cli/assignment.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/terminal_session.hpp"
#include "runner/cli/workbench.hpp"
#include "runner/event_fanout.hpp"
#include "runner/execution.hpp"
#include "runner/report/github_annotations.hpp"
#include "runner/report/json_lines.hpp"
#include "runner/report/junit.hpp"
#include "runner/report/run_recorder.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {
namespace {

/// A folder outside git that holds more is somebody's home, not a source tree.
constexpr std::size_t k_maximum_loose_files = 20'000;

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
  explicit LogBesideTerminal(TerminalReporter& terminal) {
    s_terminal = &terminal;
    set_log_sink([](LogLevel level, std::string_view message) {
      s_terminal.load()->make_way([&] {
        write_all(
            STDERR_FILENO,
            fmt::format("nestbox: {}{}\n", level == LogLevel::warning ? "warning: " : "", message));
      });
    });
  }
  LogBesideTerminal(const LogBesideTerminal&) = delete;
  LogBesideTerminal& operator=(const LogBesideTerminal&) = delete;
  ~LogBesideTerminal() { set_log_sink(nullptr); }

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

/// Chooses a driver for each test, and asks each driver about itself only when a test is to run on
/// it.
class DriverChooser {
public:
  DriverChooser(Workbench& workbench, const RunOptions& options)
      : m_workbench(workbench), m_options(options),
        m_markers(value_or_throw(MarkerExpression::parse(options.selection.markers))) {}

  const DriverFacts& choose(const Test& test) {
    if (m_options.driver != "auto")
      return facts(m_options.driver, {});
    if (belongs_on_host(test, m_markers))
      return facts("local", m_options.selection.markers.empty() ? "unit tests need no machine"
                                                                : "tests that need no machine");
    if (!m_asked) {
      m_asked = true;
      m_machine_driver = find_machine_driver(m_workbench, m_reasons);
    }
    if (m_machine_driver)
      return facts(*m_machine_driver, {});
    if (m_options.accelerator == AcceleratorPolicy::require)
      throw Error(ErrorCode::unsupported,
                  "no hardware acceleration works here: " + join(m_reasons, "; "),
                  "'--accel prefer' emulates where the hardware cannot be used");
    return facts("local", "no hypervisor works here: " + join(m_reasons, "; "));
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const Known& known : m_known)
      lines.push_back(known.line);
    return lines;
  }

private:
  struct Known {
    DriverFacts facts;
    std::string line;
  };

  const DriverFacts& facts(const std::string& name, const std::string& why) {
    for (const Known& known : m_known)
      if (known.facts.name == name)
        return known.facts;
    Driver& driver = m_workbench.driver(name);
    const Availability availability = m_workbench.availability(name);
    if (!availability.available)
      throw Error(ErrorCode::unsupported,
                  fmt::format("driver '{}' does not work here: {}", name, availability.reason),
                  availability.hint);
    Known known;
    known.facts = {name, driver.capabilities(), availability.acceleration, 1.0};
    known.line = fmt::format("{}: {}", name, why.empty() ? availability.reason : why);
    if (known.facts.capabilities.machine) {
      known.facts.timeout_scale = std::max(1.0, driver.slowdown());
      if (known.facts.timeout_scale > 1.0)
        known.line += fmt::format("; timeouts x {:.1f}", known.facts.timeout_scale);
    } else {
      known.line += "; packages and steps of environments are not applied";
    }
    std::replace(known.line.begin(), known.line.end(), '\n', ' ');
    m_known.push_back(std::move(known));
    return m_known.back().facts;
  }

  Workbench& m_workbench;
  const RunOptions& m_options;
  MarkerExpression m_markers;
  bool m_asked = false;
  std::optional<std::string> m_machine_driver;
  std::vector<std::string> m_reasons;
  std::list<Known> m_known;
};

WorkTree read_bounded_work_tree(const fs::path& directory, bool all_files) {
  WorkTree tree = read_work_tree(directory, all_files);
  if (tree.revision.empty() && tree.files.size() > k_maximum_loose_files)
    throw Error(
        ErrorCode::usage,
        fmt::format(
            "'{}' is no git work tree and holds {} files: too many to copy into each machine",
            tree.root.string(), tree.files.size()),
        "start in the folder of the tests, or make it a git repository");
  return tree;
}

void add_reports(const RunOptions& options, EventFanout& events) {
  for (const std::string& report : options.reports) {
    const std::size_t equals = report.find('=');
    const std::string kind = report.substr(0, equals);
    const std::string file = equals == std::string::npos ? "" : report.substr(equals + 1);
    if (file.empty())
      throw Error(ErrorCode::usage, fmt::format("--report '{}' names no file", report),
                  "write --report junit=FILE or --report jsonl=FILE");
    if (kind == "junit")
      events.add(std::make_unique<JUnitReporter>(file));
    else if (kind == "jsonl")
      events.add(std::make_unique<JsonLinesReporter>(file));
    else
      throw Error(ErrorCode::usage, fmt::format("unknown report '{}'", kind),
                  did_you_mean(kind, {"junit", "jsonl"}));
  }
}

void explain(const Assignment& assignment, const Selection& selection,
             TestEventListener& listener) {
  listener.note(fmt::format("explain: {} selected, {} deselected",
                            selection.tests.size() + assignment.tests.size(),
                            selection.deselected));
  for (const AssignedTest& assigned : assignment.tests) {
    if (assigned.skip) {
      listener.note(
          fmt::format("explain: '{}' is skipped: {}", assigned.test.name, *assigned.skip));
      continue;
    }
    const EnvironmentUse& use = assignment.environments[assigned.environment];
    listener.note(fmt::format(
        "explain: '{}' runs on {} in environment '{}' ({}, {} core{}), {}, timeout {}",
        assigned.test.name, use.driver, use.environment.name, format_bytes(use.environment.memory),
        use.environment.cores, use.environment.cores == 1 ? "" : "s",
        assigned.test.isolation == Isolation::fork ? "forked" : "booted fresh",
        format_duration(assigned.test.timeout)));
  }
}

std::size_t count_executions(const std::vector<AssignedTest>& tests) {
  std::size_t count = 0;
  for (const AssignedTest& assigned : tests)
    count += assigned.skip ? 1 : static_cast<std::size_t>(std::max(1, assigned.test.repeat));
  return count;
}

RunInfo describe_run(const RunDirectory& directory, const Assignment& assignment,
                     const DriverChooser& chooser) {
  RunInfo info;
  info.id = directory.id();
  info.directory = directory.path();
  info.version = NESTBOX_VERSION;
  info.drivers = chooser.lines();
  for (const EnvironmentUse& use : assignment.environments)
    if (!use.on_host)
      info.environments.push_back(use.environment.name);
  info.resources = host_resources();
  info.tests = count_executions(assignment.tests);
  return info;
}

}  // namespace

int run_tests(const RunOptions& options, const DriverRegistry& drivers) {
  if (options.shell_on_fail && !(::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)))
    throw Error(ErrorCode::usage, "--shell-on-fail needs a terminal");
  Interrupts interrupts;
  Suite suite = discover_or_throw(options.paths, options.command);
  Result<Selection> selected =
      select_tests(std::move(suite.tests), options.selection, suite.definition.markers);
  Selection selection = value_or_throw(std::move(selected));
  if (selection.tests.empty()) {
    write_all(STDERR_FILENO,
              fmt::format("nestbox: no tests selected ({} deselected)\n{}", selection.deselected,
                          selection.deselected > 0
                              ? ""
                              : "hint: name a script, a folder or '-- COMMAND'\n"));
    return 5;
  }
  apply_overrides(options, suite.definition, selection.tests);
  const bool single_command = !options.command.empty() && selection.tests.front().repeat == 1;

  const fs::path here = fs::current_path();
  std::shared_future<WorkTree> work_tree =
      std::async(std::launch::async, read_bounded_work_tree, suite.root, options.all_files).share();

  EventFanout events;
  ProgressEvents progress(events);
  Workbench workbench(drivers, {options.accelerator, options.sudo}, progress);
  auto owned_terminal =
      std::make_unique<TerminalReporter>(terminal_settings(options.console, single_command));
  TerminalReporter& terminal = *owned_terminal;
  events.add(std::move(owned_terminal));
  const LogBesideTerminal log_beside(terminal);

  DriverChooser chooser(workbench, options);
  Assignment assignment =
      assign(std::move(selection.tests), suite.definition,
             [&](const Test& test) -> const DriverFacts& { return chooser.choose(test); });

  RunDirectory directory = RunDirectory::create(state_directory() / "runs", options.run_directory);
  events.add(std::make_unique<RunRecorder>(directory.path(), options.arguments));
  events.add(std::make_unique<JsonLinesReporter>(directory.path() / "events.jsonl"));
  add_reports(options, events);
  if (const char* github = std::getenv("GITHUB_ACTIONS");
      github && std::string_view(github) == "true")
    events.add(std::make_unique<GithubAnnotations>(
        [](std::string_view text) { write_all(STDOUT_FILENO, text); }));
  auto owned_status = std::make_unique<CommandStatus>();
  const CommandStatus& status = *owned_status;
  events.add(std::move(owned_status));

  RunInfo info = describe_run(directory, assignment, chooser);
  info.deselected = selection.deselected;
  info.single_command = single_command;
  events.run_started(info);
  if (options.explain)
    explain(assignment, selection, events);

  Execution::Request request;
  request.tests = std::move(assignment.tests);
  request.environments = std::move(assignment.environments);
  request.options = {options.jobs, options.fail_fast};
  request.resources = info.resources;
  if (options.jobs > 0)
    request.resources.cores = std::numeric_limits<int>::max() / 2;
  request.context = {directory.id(),
                     directory.path(),
                     work_tree,
                     options.command.empty() ? suite.root : here,
                     parse_variables(options.variables),
                     cache_directory() / "ccache" / safe_name(suite.root.string()),
                     {}};
  if (options.shell_on_fail)
    request.context.on_failure = [&](Machine& machine, const Command& command, const TestRun& run) {
      terminal.make_way([&] { offer_shell(machine, command, run.id); });
    };
  request.prepare = [&](const EnvironmentUse& use, const CancelToken& cancel) {
    std::shared_ptr<PreparedEnvironment> prepared =
        workbench.prepare(use.driver, use.environment, suite.root, cancel);
    if (options.warm > 0 && prepared->template_snapshot())
      prepared = std::make_shared<WarmPool>(
          std::move(prepared),
          WarmPool::Limits{options.warm, Bytes{info.resources.memory.count / 4}});
    return prepared;
  };
  request.make_directory = [&](const std::string& run_id) {
    return directory.test_directory(run_id);
  };

  Execution execution(std::move(request), events);
  interrupts.deliver_to([&] { execution.interrupt(); });
  RunSummary summary = execution.run();
  events.run_finished(summary);
  return single_command ? status.exit_code(summary) : summary.exit_code;
}

Suite discover_or_throw(const std::vector<std::string>& paths,
                        const std::vector<std::string>& command) {
  tl::expected<Suite, DefinitionErrors> suite = discover({fs::current_path(), paths, command});
  if (suite)
    return std::move(*suite);
  const std::vector<Error>& errors = suite.error().errors;
  for (std::size_t index = 0; index + 1 < errors.size(); ++index)
    write_all(STDERR_FILENO, errors[index].render() + "\n\n");
  throw errors.back();
}

void apply_overrides(const RunOptions& options, const Definition& definition,
                     std::vector<Test>& tests) {
  if (options.environment && !definition.environments.contains(*options.environment)) {
    std::vector<std::string> known;
    for (const auto& [name, environment] : definition.environments)
      known.push_back(name);
    const std::string near = did_you_mean(*options.environment, known);
    throw Error(ErrorCode::not_found, fmt::format("no environment '{}'", *options.environment),
                near.empty() ? "there are " + join(known, ", ") : near);
  }
  for (Test& test : tests) {
    test.environment = options.environment.value_or(test.environment);
    test.timeout = options.timeout.value_or(test.timeout);
    test.isolation = options.isolation.value_or(test.isolation);
    test.repeat = options.repeat.value_or(test.repeat);
    test.retries = options.retries.value_or(test.retries);
  }
}

std::map<std::string, std::string> parse_variables(const std::vector<std::string>& variables) {
  std::map<std::string, std::string> parsed;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (name.empty() || name.find('\0') != std::string::npos)
      throw Error(ErrorCode::usage, fmt::format("--env '{}' names no variable", variable),
                  "write --env NAME=VALUE");
    if (equals != std::string::npos)
      parsed[name] = variable.substr(equals + 1);
    else if (const char* value = std::getenv(name.c_str()))
      parsed[name] = value;
  }
  return parsed;
}

}  // namespace nestbox
