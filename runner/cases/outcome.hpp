#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace nestbox {

/// How a test or one of its cases ended. The guest's panic, out-of-memory kill and vanishing are
/// told apart from a failing assertion.
enum class Outcome {
  passed,
  failed,
  skipped,
  xfailed,  ///< failed, as expected
  xpassed,  ///< passed, though a failure was expected
  timeout,  ///< its whole process tree was killed at the deadline
  panic,    ///< the machine's kernel panicked
  oom,      ///< failed, and the machine's kernel had killed one of its processes for want of memory
  lost,     ///< the machine vanished or stopped answering
  infra,    ///< the machine or its environment could not be made
  cancelled,  ///< ended, or never started, because the run was told to stop
};

inline constexpr std::array k_outcomes = {Outcome::passed,  Outcome::failed,   Outcome::skipped,
                                          Outcome::xfailed, Outcome::xpassed,  Outcome::timeout,
                                          Outcome::panic,   Outcome::oom,      Outcome::lost,
                                          Outcome::infra,   Outcome::cancelled};

/// The word used in every report: "passed", "oom".
std::string_view outcome_name(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view name);

/// The test itself is at fault: failed, timeout, panic, oom. (An xpassed test is shown, but fails
/// no run.)
bool is_failure(Outcome outcome);

/// Not the test's fault, so that a fresh machine may be tried: lost, infra.
bool is_machine_fault(Outcome outcome);

}  // namespace nestbox
