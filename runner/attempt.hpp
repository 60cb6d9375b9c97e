#pragma once

#include <functional>
#include <future>
#include <map>
#include <string>

#include "harness/env/environment.hpp"
#include "harness/env/work_tree.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

/// What all tests of one run share.
struct RunContext {
  std::string run_id;
  std::filesystem::path run_directory;
  std::shared_future<WorkTree> work_tree;  ///< ready: read while the drivers were asked
  std::filesystem::path
      start_directory;  ///< on the host, within the work tree: where commands start
  std::map<std::string, std::string> variables;  ///< --env; stronger than the definition's
  std::filesystem::path kept_directory;          ///< holds what TEST_CCACHE_DIR keeps between runs
  /// A test failed and its machine is still there (--shell-on-fail); may block. May be empty.
  std::function<void(Machine&, const Command&, const TestRun&)> on_failure;
};

/// An environment as one driver provides it.
struct EnvironmentUse {
  std::string driver;
  std::string acceleration;
  Environment environment;
  double timeout_scale = 1.0;
  bool on_host = false;  ///< script mode: no machine of its own

  bool operator==(const EnvironmentUse&) const = default;
};

/// The layout below Machine::workspace(), as the environment variables name it.
std::map<std::string, std::string> test_variables(const RunContext& context,
                                                  const EnvironmentUse& use, const TestRun& run,
                                                  const Machine& machine,
                                                  const std::string& revision);

/// Copies the source tree to `workspace`/src and returns the directory in the machine where a
/// command starts: what `start_directory` is on the host.
std::string put_source_tree(Machine& machine, const WorkTree& tree,
                            const std::filesystem::path& start_directory, Deadline deadline,
                            const CancelToken& cancel);

/// Runs one test once: a machine, the files, the command, its outputs back, the verdict. Blocks;
/// never throws: what goes wrong is an outcome. The machine is gone when it returns.
TestResult run_attempt(const RunContext& context, const EnvironmentUse& use,
                       PreparedEnvironment& environment, const TestRun& run,
                       TestEventListener& listener, const CancelToken& cancel);

}  // namespace nestbox
