#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"
#include "runner/cli/console.hpp"
#include "runner/discovery.hpp"
#include "runner/selection.hpp"

namespace nestbox {

struct RunOptions {
  std::vector<std::string> paths;
  std::vector<std::string> command;  ///< after `--`
  SelectionRequest selection;
  std::string driver = "auto";
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  int jobs = 0;  ///< 0: auto
  int warm = 0;  ///< machines that wait, forked ahead
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<int> repeat;
  std::optional<int> retries;
  std::optional<Isolation> isolation;
  std::optional<std::uint64_t> seed;  ///< of impaired networks; absent: by chance
  std::optional<std::string> environment;
  bool all_files = false;
  std::vector<std::string> variables;  ///< K=V, or K: taken from our own environment
  bool fail_fast = false;
  bool sudo = false;
  std::vector<std::string> reports;  ///< junit=FILE, jsonl=FILE
  std::string run_directory;
  bool shell_on_fail = false;
  bool explain = false;
  ConsoleChoices console;
  std::vector<std::string> arguments;  ///< the whole command line, for the record
};

/// `nestbox run`: the exit code (README's table; of a single command after `--` its own). Throws
/// Error.
int run_tests(const RunOptions& options, const DriverRegistry& drivers);

/// The tests that `paths` and `command` name, with their suite. Prints every mistake and throws the
/// first when the definition has any.
Suite discover_or_throw(const std::vector<std::string>& paths,
                        const std::vector<std::string>& command);

/// The options that change tests, applied to all of them. Error(not_found) for an unknown
/// environment, Error(usage) for one that a test with a topology would have to run in.
void apply_overrides(const RunOptions& options, const Definition& definition,
                     std::vector<Test>& tests);

/// "K=V" and "K" as variables; Error(usage) for a name that no environment could hold.
std::map<std::string, std::string> parse_variables(const std::vector<std::string>& variables);

}  // namespace nestbox
