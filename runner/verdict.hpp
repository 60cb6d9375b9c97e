#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "harness/model/definition.hpp"
#include "harness/vm/machine.hpp"
#include "runner/test_result.hpp"

namespace nestbox {

/// A machine that came to an end which nobody asked for.
struct MachineEnd {
  std::string machine;  ///< its name in the world; empty: the test's only one
  Condition condition = Condition::lost;
  std::string console;  ///< its last part; any bytes
};

/// How what a test does came to its end.
struct Performance {
  CommandResult command;
  std::string where;  ///< the step that `command` is of: "step 3 (wait-for b port 80)"; empty: the
                      ///< test's own command
  std::string problem;  ///< why that step could not be done; `command` means nothing then
  std::optional<std::chrono::nanoseconds> time_limit;  ///< of that step, when it was over
  std::optional<MachineEnd> machine_end;               ///< that was the end of it
};

struct Verdict {
  Outcome outcome;
  std::string detail;
  bool operator==(const Verdict&) const = default;
};

/// The outcome of what came to its end, from its exit code *and* the cases it reported: 0 passes
/// unless a case failed or a report is broken, 77 skips (automake), 4 skips under KTAP (kselftest),
/// 99 is a hard error; anything else fails. `output_tail` supplies the reason of a skip. Pure.
Verdict judge_performance(const Test& test, const Performance& performance,
                          const std::vector<CaseReport>& reports, std::chrono::nanoseconds timeout,
                          std::string_view output_tail);

/// The outcome when a machine was lost under the test: its condition tells a panic, with the
/// kernel's reason, from a vanishing. `what`: how the loss was noticed; may be empty. Pure.
Verdict judge_loss(const MachineEnd& end, std::string_view what);

}  // namespace nestbox
