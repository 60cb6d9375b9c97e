#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/subprocess.hpp"
#include "harness/base/units.hpp"
#include "harness/model/definition.hpp"
#include "runner/cases/test_case.hpp"

namespace nestbox {

/// Which execution of which test an event is about. Plain data; `test` lives as long as the run.
struct TestRun {
  const Test* test = nullptr;
  std::string id;  ///< unique in the run: "name", "name (2/5)" when repeated, "name, attempt 2"
                   ///< when tried again
  std::string driver;
  std::string machine;  ///< its hostname, unique among live machines
  int repetition = 1;
  int attempt = 1;
  std::filesystem::path
      directory;  ///< its folder in the run directory; may not exist when it never started
};

/// How one execution ended.
struct TestResult {
  Outcome outcome = Outcome::infra;
  std::string detail;  ///< why, one line: "exit code 0, but 2 of 5 cases failed"; may be empty
  std::optional<ExitStatus> status;         ///< of the command, when it ended by itself
  std::vector<CaseReport> reports;          ///< what the test's own reports say
  std::string output_tail;                  ///< the last part of its output; any bytes
  std::chrono::nanoseconds machine_time{};  ///< until the machine answered
  std::chrono::nanoseconds files_time{};    ///< until the source tree was in it
  std::chrono::nanoseconds command_time{};
  std::chrono::nanoseconds total_time{};
  Bytes private_memory;               ///< of its machines, at the end
  std::optional<std::uint64_t> seed;  ///< of its networks' chance; nothing without networks
  bool run_again = false;             ///< not the last word: another attempt follows
};

/// Cases by outcome, over all reports of a result.
struct CaseCounts {
  int total = 0;
  int failed = 0;
  int skipped = 0;
};
CaseCounts count_cases(const std::vector<CaseReport>& reports);

}  // namespace nestbox
