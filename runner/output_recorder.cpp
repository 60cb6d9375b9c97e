#include "runner/output_recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

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
  write_log(bytes);
  if (stream == OutputStream::standard_output)
    m_tap.feed(bytes);
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
