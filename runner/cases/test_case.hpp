#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "runner/cases/outcome.hpp"

namespace nestbox {

/// One result inside a test: one line of TAP, one <testcase> of JUnit. Foreign text: may hold any
/// bytes.
struct TestCase {
  std::string name;  ///< levels joined by " > "
  Outcome outcome = Outcome::passed;
  std::string message;  ///< why it failed or was skipped; may be empty
  std::chrono::milliseconds duration{};

  bool operator==(const TestCase&) const = default;
};

/// What one source (the output, one report file) says about the cases of a test.
struct CaseReport {
  std::string format;           ///< "tap", "ktap", "junit", "gtest", "testSummary"
  std::vector<TestCase> cases;  ///< at most k_maximum_cases
  std::string
      problem;  ///< why the report itself is bad ("planned 5 cases, saw 3"); empty when it is sound
  bool skipped_whole =
      false;  ///< "1..0 # SKIP reason": nothing ran, on purpose; the reason is in `problem`

  bool operator==(const CaseReport&) const = default;
};

/// More cases than these are counted but not kept: a report is foreign, and memory is ours.
inline constexpr std::size_t k_maximum_cases = 100'000;

}  // namespace nestbox
