#pragma once

#include <string>

#include "harness/model/definition.hpp"
#include "harness/vm/machine.hpp"
#include "runner/test_result.hpp"

namespace nestbox {

struct Verdict {
  Outcome outcome;
  std::string detail;
  bool operator==(const Verdict&) const = default;
};

/// The outcome of a command that came to its end, from its exit code *and* the cases it reported: 0
/// passes unless a case failed or a report is broken, 77 skips (automake), 4 skips under KTAP
/// (kselftest), 99 is a hard error; anything else fails. `output_tail` supplies the reason of a
/// skip. Pure.
Verdict judge_command(const Test& test, const CommandResult& result,
                      const std::vector<CaseReport>& reports, std::chrono::nanoseconds timeout,
                      std::string_view output_tail);

/// The outcome when the machine was lost under the command: its condition tells a panic from a
/// vanishing. Pure.
Verdict judge_loss(Condition condition, std::string_view what);

}  // namespace nestbox
