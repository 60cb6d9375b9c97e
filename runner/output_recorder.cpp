#include "runner/output_recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "harness/base/result.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_tail = 64 * 1024;

void keep_end(std::string& text, std::size_t size) {
  if (text.size() > size)
    text.erase(0, text.size() - size);
}

}  // namespace

OutputRecorder::OutputRecorder(const std::filesystem::path& log, const TestRun& run,
                               TestEventListener& listener)
    : m_log(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)), m_run(run),
      m_listener(listener) {
  if (!m_log)
    throw system_error(fmt::format("cannot create '{}'", log.string()), errno);
}

void OutputRecorder::write(OutputStream stream, std::string_view bytes) {
  if (stream == OutputStream::standard_output)
    m_taps[""].feed(bytes);
  keep(stream, bytes);
}

void OutputRecorder::write_lines(const std::string& machine, OutputStream stream,
                                 std::string_view lines) {
  keep(stream, lines);
  if (stream != OutputStream::standard_output)
    return;
  const std::size_t prefix = machine.size() + std::string_view(" | ").size();
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    const std::size_t length = line.empty() ? lines.size() : line.size();
    m_taps[machine].feed(lines.substr(0, length).substr(std::min(prefix, length)));
    lines.remove_prefix(length);
  }
}

void OutputRecorder::remark(std::string_view text) {
  keep(OutputStream::standard_output, fmt::format("{}\n", text));
}

std::vector<CaseReport> OutputRecorder::finish_cases() {
  std::vector<CaseReport> reports;
  for (auto& [machine, tap] : m_taps)
    if (std::optional<CaseReport> report = tap.finish()) {
      if (!machine.empty())
        for (TestCase& test_case : report->cases)
          test_case.name = machine + " > " + test_case.name;
      reports.push_back(std::move(*report));
    }
  return reports;
}

void OutputRecorder::keep(OutputStream stream, std::string_view bytes) {
  write_log(bytes);
  m_tail.append(bytes.size() > k_tail ? bytes.substr(bytes.size() - k_tail) : bytes);
  if (m_tail.size() > 2 * k_tail)
    keep_end(m_tail, k_tail);
  m_listener.test_output(m_run, stream, bytes);
}

const std::string& OutputRecorder::tail() {
  keep_end(m_tail, k_tail);
  return m_tail;
}

void OutputRecorder::write_log(std::string_view bytes) {
  while (!bytes.empty() && m_problem.empty()) {
    const ssize_t written = ::write(m_log.get(), bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      m_problem = system_error("output.log is cut short: cannot write to it", errno).message;
  }
}

}  // namespace nestbox
