#include "runner/report/github_annotations.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_shown_output = 2048;

std::string escape(std::string_view text, bool property) {
  std::string escaped;
  for (char c : printable(text)) {
    if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
      escaped += fmt::format("%{:02X}", static_cast<unsigned>(c));
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

void GithubAnnotations::test_finished(const TestRun& run, const TestResult& result) {
  if (result.run_again || !(is_failure(result.outcome) || is_machine_fault(result.outcome)))
    return;
  std::string place;
  if (run.test->where)
    place =
        fmt::format("file={},line={},", escape(run.test->where->file, true), run.test->where->line);
  std::string_view tail = result.output_tail;
  if (tail.size() > k_shown_output)
    tail = tail.substr(tail.size() - k_shown_output);
  std::string message = fmt::format("{}: {}", outcome_name(result.outcome), result.detail);
  if (!trim(tail).empty())
    message += fmt::format("\n{}", trim(tail));
  m_write(
      fmt::format("::error {}title={}::{}\n", place, escape(run.id, true), escape(message, false)));
}

}  // namespace nestbox
