#include "runner/cli/run_command_line.hpp"

#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr int k_maximum_count = 100'000;

int parse_count(const std::string& text, const char* flag, int least) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least
      || value > k_maximum_count)
    throw Error(ErrorCode::usage, fmt::format("{} '{}' is not a number from {} to {}", flag, text,
                                              least, k_maximum_count));
  return value;
}

std::uint64_t parse_seed(const std::string& text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorCode::usage, fmt::format("--seed '{}' is not a whole number", text),
                "take the one that a failed test's report names");
  return value;
}

template <class Value>
Value parse_word(const std::string& word, const char* flag,
                 const std::vector<std::pair<std::string, Value>>& words) {
  std::vector<std::string> known;
  for (const auto& [name, value] : words) {
    if (name == word)
      return value;
    known.push_back(name);
  }
  const std::string near = did_you_mean(word, known);
  throw Error(ErrorCode::usage, fmt::format("{} '{}' is none of {}", flag, word, join(known, ", ")),
              near);
}

}  // namespace

struct RunCommandLine::Text {
  SelectionText selection;
  std::string accelerator = "prefer";
  std::string jobs = "auto";
  std::string warm;
  std::string timeout;
  std::string repeat;
  std::string retries;
  std::string isolation;
  std::string seed;
  std::string environment;
  std::string color = "auto";
  bool no_progress = false;
};

void add_selection(CLI::App& app, SelectionText& text) {
  app.add_option("-m,--markers", text.markers, "Only tests whose markers fit: 'vm and not slow'");
  app.add_option("-k,--keywords", text.keywords,
                 "Only tests whose name, markers or environment hold these words");
  app.add_option("--shard", text.shard, "Only the I-th of N parts of the selection, I from 1")
      ->type_name("I/N");
}

SelectionRequest parse_selection(const SelectionText& text) {
  SelectionRequest request{text.markers, text.keywords, 0, 1};
  if (text.shard.empty())
    return request;
  const std::vector<std::string> parts = split(text.shard, '/');
  if (parts.size() != 2)
    throw Error(ErrorCode::usage, fmt::format("--shard '{}' is not of the form I/N", text.shard),
                "for example --shard 1/4");
  request.shard_count = parse_count(parts[1], "--shard", 1);
  request.shard_index = parse_count(parts[0], "--shard", 1) - 1;
  if (request.shard_index >= request.shard_count)
    throw Error(ErrorCode::usage,
                fmt::format("--shard '{}' does not exist: I goes from 1 to N", text.shard));
  return request;
}

AcceleratorPolicy parse_accelerator(const std::string& word) {
  return parse_word<AcceleratorPolicy>(word, "--accel",
                                       {{"prefer", AcceleratorPolicy::prefer},
                                        {"require", AcceleratorPolicy::require},
                                        {"never", AcceleratorPolicy::never}});
}

RunCommandLine::RunCommandLine(CLI::App& app)
    : m_text(std::make_unique<Text>()), m_options(std::make_unique<RunOptions>()) {
  RunOptions& options = *m_options;
  Text& text = *m_text;
  app.add_option("paths", options.paths, "Scripts, folders, or names of tests in nestbox.yml")
      ->type_name("PATH|NAME");
  add_selection(app, text.selection);
  app.add_option("-e,--environment", text.environment, "Run every test in this environment")
      ->type_name("ENV");
  app.add_option("--driver", options.driver,
                 "What makes the machines: auto, or a driver's name; 'local' is this host")
      ->type_name("NAME");
  app.add_option("--accel", text.accelerator, "Hardware acceleration: prefer, require or never")
      ->type_name("POLICY");
  app.add_option("-j,--jobs", text.jobs,
                 "At most so many tests at once; auto: as cores and memory allow")
      ->type_name("N|auto");
  app.add_option("--warm", text.warm,
                 "Keep so many machines forked ahead of the tests that need them")
      ->type_name("N");
  app.add_option("--timeout", text.timeout, "For each test: 90s, 5m, 1h")->type_name("TIME");
  app.add_option("--repeat", text.repeat, "Run each test so often, each time on its own machine")
      ->type_name("N");
  app.add_option("--retries", text.retries, "Run a failed test again up to so often")
      ->type_name("N");
  app.add_option("--isolation", text.isolation,
                 "fork: a clone of a booted machine; fresh: a cold boot")
      ->type_name("fork|fresh");
  app.add_option("--seed", text.seed,
                 "Repeat what impaired networks left to chance in a test that failed")
      ->type_name("N");
  app.add_flag("--all-files", options.all_files, "Copy files in that git ignores, too");
  app.add_option("--env", options.variables,
                 "Set a variable for the tests; without =V it is taken from here")
      ->type_name("K[=V]")
      ->allow_extra_args(false);
  app.add_flag("--fail-fast", options.fail_fast, "Start nothing new after the first failure");
  app.add_flag("--sudo", options.sudo, "On this host, run tests through 'sudo -n'");
  app.add_option("--report", options.reports,
                 "Write a report, too: junit=FILE or jsonl=FILE (may be repeated)")
      ->type_name("KIND=FILE")
      ->allow_extra_args(false);
  app.add_option("--run-dir", options.run_directory, "Keep this run's output here")
      ->type_name("DIR");
  app.add_flag("--shell-on-fail", options.shell_on_fail,
               "Open a shell in the machine of a test that failed");
  app.add_flag("--explain", options.explain, "Say why each test runs where it does");
  app.add_flag("-v,--verbose", options.console.verbose, "Show the output of all tests as it comes");
  app.add_flag("-q,--quiet", options.console.quiet, "Show failures and the summary only");
  app.add_flag("--no-progress", text.no_progress, "Plain lines, also on a terminal");
  app.add_option("--color", text.color, "auto, always or never")->type_name("WHEN");
}

RunCommandLine::~RunCommandLine() = default;

RunOptions RunCommandLine::finish(std::vector<std::string> command,
                                  std::vector<std::string> arguments) const {
  RunOptions options = *m_options;
  const Text& text = *m_text;
  options.command = std::move(command);
  options.arguments = std::move(arguments);
  if (!options.command.empty() && !options.paths.empty())
    throw Error(
        ErrorCode::usage,
        fmt::format("'{}' and a command after '--' cannot both be run", options.paths.front()),
        "name tests, or give a command");
  options.selection = parse_selection(text.selection);
  options.accelerator = parse_accelerator(text.accelerator);
  options.jobs = text.jobs == "auto" ? 0 : parse_count(text.jobs, "--jobs", 1);
  if (!text.warm.empty())
    options.warm = parse_count(text.warm, "--warm", 0);
  if (!text.timeout.empty())
    options.timeout = value_or_throw(parse_duration(text.timeout));
  if (!text.repeat.empty())
    options.repeat = parse_count(text.repeat, "--repeat", 1);
  if (!text.retries.empty())
    options.retries = parse_count(text.retries, "--retries", 0);
  if (!text.isolation.empty())
    options.isolation = parse_word<Isolation>(
        text.isolation, "--isolation", {{"fork", Isolation::fork}, {"fresh", Isolation::fresh}});
  if (!text.seed.empty())
    options.seed = parse_seed(text.seed);
  if (!text.environment.empty())
    options.environment = text.environment;
  options.console.progress = !text.no_progress;
  options.console.color = parse_word<ColorChoice>(text.color, "--color",
                                                  {{"auto", ColorChoice::automatic},
                                                   {"always", ColorChoice::always},
                                                   {"never", ColorChoice::never}});
  return options;
}

}  // namespace nestbox
