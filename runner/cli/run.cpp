#include "runner/cli/run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <limits>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/warm_pool.hpp"
#include "runner/cli/driver_chooser.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/run_reports.hpp"
#include "runner/cli/source_tree.hpp"
#include "runner/cli/terminal_session.hpp"
#include "runner/world_stage.hpp"

namespace nestbox {
namespace {

/// A folder outside git that holds more is somebody's home, not a source tree.
constexpr std::size_t k_maximum_loose_files = 20'000;

void require_readable(const WorkTree& tree) {
  for (const std::string& file : tree.files) {
    const fs::path path = tree.root / file;
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0
        && errno == EACCES)
      throw Error(
          ErrorCode::usage, fmt::format("'{}' may not be read by this user", path.string()),
          "every test gets its own copy of the source tree; let git ignore what is not of it");
  }
}

WorkTree bounded_source_tree(const fs::path& root, const std::vector<std::string>& disks,
                             bool all_files) {
  WorkTree tree = source_tree(root, disks, all_files);
  if (tree.revision.empty() && tree.files.size() > k_maximum_loose_files)
    throw Error(
        ErrorCode::usage,
        fmt::format(
            "'{}' is no git work tree and holds {} files: too many to copy into each machine",
            tree.root.string(), tree.files.size()),
        "start in the folder of the tests, or make it a git repository");
  require_readable(tree);
  return tree;
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
      (use.topology ? info.topologies : info.environments).push_back(use.name());
  info.resources = host_resources();
  info.tests = count_executions(assignment.tests);
  return info;
}

int say_nothing_selected(const Selection& selection) {
  write_all(STDERR_FILENO,
            fmt::format(
                "nestbox: no tests selected ({} deselected)\n{}", selection.deselected,
                selection.deselected > 0 ? "" : "hint: name a script, a folder or '-- COMMAND'\n"));
  return 5;
}

RunContext make_context(const RunOptions& options, const Suite& suite,
                        const RunDirectory& directory, std::shared_future<WorkTree> work_tree) {
  RunContext context;
  context.run_id = directory.id();
  context.run_directory = directory.path();
  context.work_tree = std::move(work_tree);
  context.start_directory = options.command.empty() ? suite.root : fs::current_path();
  context.variables = parse_variables(options.variables);
  context.seed = options.seed;
  context.kept_directory = cache_directory() / "ccache" / safe_name(suite.root.string());
  return context;
}

std::shared_ptr<PreparedEnvironment> keep_warm(std::shared_ptr<PreparedEnvironment> prepared,
                                               const WarmPool::Limits& limits) {
  if (limits.machines == 0 || !prepared->template_snapshot())
    return prepared;
  return std::make_shared<WarmPool>(std::move(prepared), limits);
}

}  // namespace

int run_tests(const RunOptions& options, const DriverRegistry& drivers) {
  if (options.shell_on_fail && !(::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)))
    throw Error(ErrorCode::usage, "--shell-on-fail needs a terminal");
  Interrupts interrupts;
  Suite suite = discover_or_throw(options.paths, options.command);
  Selection selection = value_or_throw(
      select_tests(std::move(suite.tests), options.selection, suite.definition.markers));
  if (selection.tests.empty())
    return say_nothing_selected(selection);
  apply_overrides(options, suite.definition, selection.tests);
  const bool single_command = !options.command.empty() && selection.tests.front().repeat == 1;
  std::shared_future<WorkTree> work_tree =
      std::async(std::launch::async, bounded_source_tree, suite.root, own_disks(suite.definition),
                 options.all_files)
          .share();

  EventFanout events;
  auto& terminal = events.add(
      std::make_unique<TerminalReporter>(terminal_settings(options.console, single_command)));
  const LogBesideTerminal log_beside(terminal);
  ProgressEvents progress(events);
  Workbench workbench(drivers, {options.accelerator, options.sudo}, progress);
  DriverChooser chooser(workbench, {suite.definition, options.driver, options.selection.markers,
                                    options.accelerator});
  Assignment assignment = assign(std::move(selection.tests), suite.definition,
                                 [&](const Test& test) { return chooser.choose(test); });

  // A tree that cannot be read ends the run before it begins.
  work_tree.get();
  RunDirectory directory = RunDirectory::create(state_directory() / "runs", options.run_directory);
  add_reports(options, directory, events);
  const CommandStatus& status = events.add(std::make_unique<CommandStatus>());
  RunInfo info = describe_run(directory, assignment, chooser);
  info.deselected = selection.deselected;
  info.single_command = single_command;
  events.run_started(info);
  if (options.warm > 0 && !info.topologies.empty())
    events.note("--warm keeps single machines ready, no worlds of a topology");
  if (options.explain)
    for (const std::string& line : explain(assignment, selection.deselected))
      events.note("explain: " + line);

  Execution::Request request;
  request.tests = std::move(assignment.tests);
  request.environments = std::move(assignment.environments);
  request.options = {options.jobs, options.fail_fast};
  request.resources = info.resources;
  if (options.jobs > 0)
    request.resources.cores = std::numeric_limits<int>::max() / 2;
  // Machines that wait have a quarter of the memory, in equal parts; those that run tests the rest.
  WarmPool::Limits warm{.machines = options.warm, .memory = {}};
  if (options.warm > 0) {
    warm.memory.count =
        info.resources.memory.count / 4 / std::max<std::size_t>(1, request.environments.size());
    request.resources.memory.count -= info.resources.memory.count / 4;
  }
  request.context = make_context(options, suite, directory, work_tree);
  if (options.shell_on_fail)
    request.context.on_failure = [&](const std::vector<Workplace*>& places, const TestRun& run) {
      terminal.make_way([&] { offer_shell(places, run); });
    };
  request.prepare = [&](const EnvironmentUse& use, const CancelToken& cancel) {
    if (!use.topology)
      return make_machine_stage(
          keep_warm(workbench.prepare(use.driver, use.environment, suite.root, cancel), warm));
    Environment host;
    host.name = k_from_host;
    return make_world_stage(
        workbench.prepare(use.driver, suite.definition, *use.topology, suite.root, cancel),
        use.container ? workbench.prepare(use.container_driver, *use.container, suite.root, cancel)
                      : workbench.prepare("local", host, suite.root, cancel));
  };
  request.make_directory = [&](const std::string& id) { return directory.test_directory(id); };

  Execution execution(std::move(request), events);
  const Interrupts::Handling handling(interrupts, [&] { execution.interrupt(); });
  const RunSummary summary = execution.run();
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
    if (options.environment && test.topology)
      throw Error(ErrorCode::usage,
                  fmt::format("'{}' runs in topology '{}': '-e {}' cannot be applied to it",
                              printable(test.name), *test.topology, *options.environment),
                  "leave it out with '-k' or name other tests");
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
