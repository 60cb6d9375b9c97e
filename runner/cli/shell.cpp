#include "runner/cli/shell.hpp"

#include <unistd.h>

#include <future>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/source_tree.hpp"
#include "runner/cli/terminal_session.hpp"
#include "runner/cli/workbench.hpp"
#include "runner/run_directory.hpp"
#include "runner/workplace.hpp"

namespace nestbox {
namespace {

constexpr std::chrono::minutes k_start_time{10};

}  // namespace

int open_shell(const ShellOptions& options, const DriverRegistry& drivers) {
  Suite suite = discover_or_throw({}, {"shell"});
  RunOptions overrides;
  overrides.environment = options.environment;
  apply_overrides(overrides, suite.definition, suite.tests);

  PlainProgress progress;
  Workbench workbench(drivers, {options.accelerator, false}, progress);
  const std::string driver = machine_driver_or_throw(workbench, options.driver);
  const CancelToken never;
  auto prepared = workbench.prepare(driver, suite.definition.environments.at(options.environment),
                                    suite.root, never);

  const std::string name = fmt::format("nestbox-shell-{}", ::getpid());
  const Deadline deadline = Deadline::after(k_start_time);
  std::unique_ptr<Machine> machine = prepared->machine(name, Isolation::fork, deadline, never);
  const std::string source = put_source_tree(
      *machine, source_tree(suite.root, own_disks(suite.definition), options.all_files),
      fs::current_path(), deadline, never);
  Command command;
  command.argv = shell_argv(*machine);
  command.environment = prepared->definition().variables;
  command.working_directory = source;
  return run_interactively(*machine, std::move(command)).shell_code();
}

}  // namespace nestbox
