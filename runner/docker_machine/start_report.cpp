#include "runner/docker_machine/start_report.hpp"

#include <unistd.h>

#include <iostream>

#include "harness/base/detached.hpp"
#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr int k_report = 3;
constexpr std::string_view k_ready = "ready\n";
constexpr std::string_view k_error = "error: ";
constexpr std::size_t k_longest = 64 * 1024;

void tell(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(k_report, text.data(), text.size());
  ::close(k_report);
}

}  // namespace

void start_reporting(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                     const std::string& what, Deadline deadline, const CancelToken& cancel) {
  Pipe reports;
  start_detached(arguments, log, reports.writing);
  reports.writing.close();
  std::string said;
  char buffer[4096];
  while (said.size() < k_longest) {
    const Wait wait = wait_readable(reports.reading.get(), deadline, cancel);
    cancel.throw_if_cancelled();
    if (wait == Wait::timed_out)
      throw Error(ErrorCode::timeout, what + " was not ready in time");
    const ssize_t count = ::read(reports.reading.get(), buffer, sizeof buffer);
    if (count <= 0)
      break;
    said.append(buffer, static_cast<std::size_t>(count));
  }
  if (said == k_ready)
    return;
  if (said.empty())
    throw Error(ErrorCode::infrastructure,
                what + " has vanished; '" + log.string() + "' may tell why");
  // It comes rendered, and will be once more.
  std::string_view text = trim(said);
  text.remove_prefix(text.starts_with(k_error) ? k_error.size() : 0);
  throw Error(ErrorCode::infrastructure, std::string(text));
}

void StartReport::ready() {
  tell(k_ready);
}

int StartReport::failed(const Error& error) {
  std::cerr << "nestbox: " << printable(error.render()) << '\n';
  tell(error.render());
  return exit_code(error.code);
}

}  // namespace nestbox
