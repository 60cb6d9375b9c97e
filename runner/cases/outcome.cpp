#include "runner/cases/outcome.hpp"

namespace nestbox {

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
  case Outcome::passed:
    return "passed";
  case Outcome::failed:
    return "failed";
  case Outcome::skipped:
    return "skipped";
  case Outcome::xfailed:
    return "xfailed";
  case Outcome::xpassed:
    return "xpassed";
  case Outcome::timeout:
    return "timeout";
  case Outcome::panic:
    return "panic";
  case Outcome::oom:
    return "oom";
  case Outcome::lost:
    return "lost";
  case Outcome::infra:
    return "infra";
  case Outcome::cancelled:
    return "cancelled";
  }
  return "infra";
}

std::optional<Outcome> parse_outcome(std::string_view name) {
  for (Outcome outcome : k_outcomes)
    if (outcome_name(outcome) == name)
      return outcome;
  return std::nullopt;
}

bool is_failure(Outcome outcome) {
  return outcome == Outcome::failed || outcome == Outcome::timeout || outcome == Outcome::panic
         || outcome == Outcome::oom;
}

bool is_machine_fault(Outcome outcome) {
  return outcome == Outcome::lost || outcome == Outcome::infra;
}

}  // namespace nestbox
