#include "runner/report/terminal.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/base/units.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_shown_lines = 20;
constexpr std::size_t k_longest_line = 4096;
constexpr std::size_t k_live_tests = 8;
constexpr std::size_t k_few_tests = 20;
constexpr std::chrono::milliseconds k_tick{250};

bool is_bad(Outcome outcome) {
  return is_failure(outcome) || is_machine_fault(outcome);
}

std::string elapsed(std::chrono::steady_clock::time_point start) {
  return fmt::format(
      "{:.0f} s", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

std::vector<std::string> last_lines(std::string_view output) {
  std::vector<std::string> lines = split(printable(trim(output)), '\n');
  if (lines.size() > k_shown_lines)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(k_shown_lines));
  return lines;
}

}  // namespace

std::string describe_counts(const std::map<Outcome, int>& outcomes) {
  std::vector<std::string> parts;
  for (const auto& [outcome, count] : outcomes)
    if (count > 0)
      parts.push_back(fmt::format("{} {}", count, outcome_name(outcome)));
  return parts.empty() ? "nothing ran" : join(parts, ", ");
}

TerminalReporter::TerminalReporter(TerminalSettings settings)
    : m_settings(std::move(settings)), m_region(m_settings.write) {}

TerminalReporter::~TerminalReporter() {
  {
    std::lock_guard lock(m_mutex);
    m_stopping = true;
    m_region.erase();
  }
  m_stop.notify_all();
  if (m_ticker.joinable())
    m_ticker.join();
}

void TerminalReporter::run_started(const RunInfo& info) {
  std::lock_guard lock(m_mutex);
  m_info = info;
  if (!m_settings.quiet) {
    std::string header = fmt::format("nestbox {}, run {}\n", info.version, info.id);
    for (const std::string& driver : info.drivers)
      header += fmt::format("driver       {}\n", printable(driver));
    if (!info.environments.empty())
      header += fmt::format("environment  {}\n", join(info.environments, ", "));
    if (!info.topologies.empty())
      header += fmt::format("topology     {}\n", join(info.topologies, ", "));
    header +=
        fmt::format("host         {} core{}, {} free\n", info.resources.cores,
                    info.resources.cores == 1 ? "" : "s", format_bytes(info.resources.memory));
    if (!info.single_command) {
      header += fmt::format("tests        {}", info.tests);
      header += info.deselected > 0 ? fmt::format(" ({} deselected)\n", info.deselected) : "\n";
    }
    print(header + "\n");
  }
  if (m_settings.live)
    m_ticker = std::thread([this] { tick(); });
}

void TerminalReporter::environment_started(const EnvironmentUse&) {}

void TerminalReporter::environment_activity(std::string_view activity, bool finished) {
  std::lock_guard lock(m_mutex);
  const std::string text = printable(activity);
  m_built = true;
  if (finished)
    m_activities.erase(text);
  else
    m_activities[text] = {text, std::chrono::steady_clock::now()};
  if (!m_settings.live && !finished && !m_settings.quiet)
    print(text + "\n");
  redraw();
}

void TerminalReporter::environment_output(std::string_view bytes) {
  std::lock_guard lock(m_mutex);
  if (m_settings.verbose)
    print(printable(bytes));
}

void TerminalReporter::environment_ready(const EnvironmentUse& use,
                                         std::chrono::nanoseconds duration) {
  std::lock_guard lock(m_mutex);
  if (m_settings.verbose || (m_built && !m_settings.quiet))
    print(fmt::format("{} ready in {}\n", use.label(), format_duration(duration)));
}

void TerminalReporter::environment_failed(const EnvironmentUse& use, const Error& error) {
  std::lock_guard lock(m_mutex);
  print(fmt::format("{} could not be made\n{}\n", use.label(), printable(error.render())));
}

void TerminalReporter::test_started(const TestRun& run) {
  std::lock_guard lock(m_mutex);
  const std::string name = printable(run.id);
  m_tests[run.id] = {name, std::chrono::steady_clock::now()};
  if (m_settings.verbose && !m_info.single_command && !m_settings.live)
    print(fmt::format("started   {}\n", name));
  redraw();
}

void TerminalReporter::test_output(const TestRun& run, OutputStream stream,
                                   std::string_view bytes) {
  if (!shows_output() && !m_settings.verbose)
    return;
  std::lock_guard lock(m_mutex);
  if (shows_output()) {
    m_region.erase();
    if (bytes.empty())
      return;
    const bool raw = stream == OutputStream::standard_output ? m_settings.raw_output
                                                             : m_settings.raw_diagnostics;
    m_settings.output(stream, raw ? std::string(bytes) : m_streams[stream].feed(bytes));
    m_at_line_start = bytes.back() == '\n';
    return;
  }
  std::string& line = m_lines[run.id];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line += bytes.substr(0, std::min(end, k_longest_line - std::min(k_longest_line, line.size())));
    if (end == std::string_view::npos)
      break;
    print(fmt::format("{} | {}\n", printable(run.id), printable(line)));
    line.clear();
    bytes.remove_prefix(end + 1);
  }
}

void TerminalReporter::test_finished(const TestRun& run, const TestResult& result) {
  std::lock_guard lock(m_mutex);
  m_tests.erase(run.id);
  if (auto line = m_lines.find(run.id); line != m_lines.end()) {
    if (!line->second.empty())
      print(fmt::format("{} | {}\n", printable(run.id), printable(line->second)));
    m_lines.erase(line);
  }
  flush_stream();
  if (!result.run_again) {
    ++m_done;
    if (is_bad(result.outcome))
      m_failures.push_back(result_line(run, result));
  }
  if (!m_settings.quiet || is_bad(result.outcome))
    print(result_line(run, result));
  if (is_bad(result.outcome))
    print_failure(run, result);
  redraw();
}

void TerminalReporter::note(std::string_view text) {
  std::lock_guard lock(m_mutex);
  flush_stream();
  print(printable(text) + "\n");
  redraw();
}

void TerminalReporter::run_finished(const RunSummary& summary) {
  std::lock_guard lock(m_mutex);
  m_tests.clear();
  m_activities.clear();
  m_region.erase();
  if (m_info.single_command)
    return;
  if (m_info.tests > k_few_tests && !m_failures.empty())
    print(fmt::format("\n{}", join(m_failures, "")));
  std::string line =
      fmt::format("{}{} in {}", summary.interrupted ? "interrupted: " : "",
                  describe_counts(summary.outcomes), format_duration(summary.duration));
  if (!summary.cases.empty())
    line += fmt::format(" (cases: {})", describe_counts(summary.cases));
  const Outcome mood = summary.exit_code == 0 ? Outcome::passed : Outcome::failed;
  print(fmt::format("{}{}\n", m_settings.quiet ? "" : "\n", paint(mood, line)));
}

void TerminalReporter::make_way(const std::function<void()>& write) {
  std::lock_guard lock(m_mutex);
  m_region.erase();
  write();
  redraw();
}

void TerminalReporter::print(std::string_view text) {
  m_region.erase();
  m_settings.write(text);
}

void TerminalReporter::redraw() {
  if (!m_settings.live || m_stopping)
    return;
  std::vector<std::string> lines;
  for (const auto& [key, activity] : m_activities)
    lines.push_back(fmt::format("  {} ({})", activity.text, elapsed(activity.start)));
  if (!shows_output() && !m_tests.empty()) {
    for (const auto& [id, test] : m_tests)
      if (lines.size() < k_live_tests)
        lines.push_back(fmt::format("  running  {} ({})", test.text, elapsed(test.start)));
    lines.push_back(
        fmt::format("  {} of {} done, {} running", m_done, m_info.tests, m_tests.size()));
  }
  if (lines.empty())
    m_region.erase();
  else
    m_region.draw(lines, m_settings.columns());
}

/// Only the clock of what is running needs this; all else is drawn when it happens.
void TerminalReporter::tick() {
  std::unique_lock lock(m_mutex);
  while (!m_stop.wait_for(lock, k_tick, [this] { return m_stopping; }))
    redraw();
}

bool TerminalReporter::shows_output() const {
  return m_info.single_command || (m_info.tests == 1 && !m_settings.quiet);
}

std::string TerminalReporter::paint(Outcome outcome, std::string_view text) const {
  if (!m_settings.color)
    return std::string(text);
  const int color = is_failure(outcome)             ? 31
                    : is_machine_fault(outcome)     ? 35
                    : outcome == Outcome::passed    ? 32
                    : outcome == Outcome::cancelled ? 2
                                                    : 33;
  return fmt::format("\x1b[{}m{}\x1b[0m", color, text);
}

std::string TerminalReporter::result_line(const TestRun& run, const TestResult& result) const {
  std::string line = paint(result.outcome, fmt::format("{:<9}", outcome_name(result.outcome))) + " "
                     + printable(run.id);
  if (result.total_time.count() > 0)
    line += fmt::format("  {}", format_duration(result.total_time));
  const CaseCounts cases = count_cases(result.reports);
  if (cases.total > 0)
    line += fmt::format("  {} case{}", cases.total, cases.total == 1 ? "" : "s");
  if (!result.detail.empty())
    line += fmt::format("  ({})", printable(result.detail));
  return line + "\n";
}

void TerminalReporter::print_failure(const TestRun& run, const TestResult& result) {
  std::string text;
  std::size_t shown = 0;
  for (const CaseReport& report : result.reports)
    for (const TestCase& test_case : report.cases)
      if (is_bad(test_case.outcome) && ++shown <= k_shown_lines)
        text +=
            fmt::format("  {} {}{}\n", outcome_name(test_case.outcome), printable(test_case.name),
                        test_case.message.empty() ? "" : ": " + printable(test_case.message));
  if (shown > k_shown_lines)
    text += fmt::format("  … and {} more\n", shown - k_shown_lines);
  if (!shows_output() && !m_settings.verbose && !trim(result.output_tail).empty())
    for (const std::string& line : last_lines(result.output_tail))
      text += fmt::format("  | {}\n", line);
  if (result.seed)
    text += fmt::format("  network seed {0}: run again with --seed {0}\n", *result.seed);
  if (!run.directory.empty())
    text += fmt::format("  see: nestbox show {} {}\n", m_info.id, shell_quote({printable(run.id)}));
  print(text);
}

void TerminalReporter::flush_stream() {
  if (!shows_output())
    return;
  for (auto& [stream, decoder] : m_streams)
    if (std::string rest = decoder.finish(); !rest.empty())
      m_settings.output(stream, rest);
  if (!m_at_line_start && !m_settings.raw_output)
    m_settings.output(OutputStream::standard_output, "\n");
  m_at_line_start = true;
}

}  // namespace nestbox
