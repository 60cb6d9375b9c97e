#include "runner/cli/run_reports.hpp"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "runner/report/github_annotations.hpp"
#include "runner/report/json_lines.hpp"
#include "runner/report/junit.hpp"
#include "runner/report/run_recorder.hpp"

namespace nestbox {
namespace {

void add_file_reports(const RunOptions& options, EventFanout& events) {
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

}  // namespace

LogBesideTerminal::LogBesideTerminal(TerminalReporter& terminal) {
  s_terminal = &terminal;
  set_log_sink([](LogLevel level, std::string_view message) {
    s_terminal.load()->make_way([&] {
      write_all(STDERR_FILENO, fmt::format("nestbox: {}{}\n",
                                           level == LogLevel::warning ? "warning: " : "", message));
    });
  });
}

LogBesideTerminal::~LogBesideTerminal() {
  set_log_sink(nullptr);
}

void add_reports(const RunOptions& options, const RunDirectory& directory, EventFanout& events) {
  events.add(std::make_unique<RunRecorder>(directory.path(), options.arguments));
  events.add(std::make_unique<JsonLinesReporter>(directory.path() / "events.jsonl"));
  add_file_reports(options, events);
  if (const char* github = std::getenv("GITHUB_ACTIONS");
      github && std::string_view(github) == "true")
    events.add(std::make_unique<GithubAnnotations>(
        [](std::string_view text) { write_all(STDOUT_FILENO, text); }));
}

std::vector<std::string> explain(const Assignment& assignment, std::size_t deselected) {
  std::vector<std::string> lines = {
      fmt::format("{} selected, {} deselected", assignment.tests.size(), deselected)};
  for (const AssignedTest& assigned : assignment.tests) {
    if (assigned.skip) {
      lines.push_back(fmt::format("'{}' is skipped: {}", assigned.test.name, *assigned.skip));
      continue;
    }
    const std::string why = assigned.why.empty() ? "" : " (" + assigned.why + ")";
    const EnvironmentUse& use = assignment.environments[assigned.environment];
    const Resources size = use.size();
    lines.push_back(fmt::format(
        "'{}' runs on {}{} in {} ({}{}, {} core{}), {}, timeout {}", assigned.test.name, use.driver,
        why, use.label(),
        use.topology ? fmt::format("{} machines, ", use.machines.size()) : std::string(),
        format_bytes(size.memory), size.cores, size.cores == 1 ? "" : "s",
        assigned.test.isolation == Isolation::fork ? "forked" : "booted fresh",
        format_duration(assigned.test.timeout)));
  }
  return lines;
}

}  // namespace nestbox
