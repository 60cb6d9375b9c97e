#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/vm/transport.hpp"
#include "runner/environment_use.hpp"
#include "runner/resource_pool.hpp"
#include "runner/test_result.hpp"

namespace nestbox {

/// What is known before anything runs: the header of every report.
struct RunInfo {
  std::string id;
  std::filesystem::path directory;
  std::string version;
  std::string revision;  ///< of the source tree; empty when it is not read yet or outside git
  std::vector<std::string> drivers;  ///< one line each: "qemu: 7.2, tcg (…); timeouts x 12"
  std::vector<std::string> environments;
  std::vector<std::string> topologies;
  Resources resources;
  std::size_t tests = 0;  ///< executions, repetitions included
  std::size_t deselected = 0;
  bool single_command =
      false;  ///< `run -- COMMAND`: its output is the result, all else is beside it
};

/// One verb that was done, or not, in the world of a test.
struct VerbRecord {
  int step = 0;        ///< of the test, from 1; 0: a program asked for it
  std::string caller;  ///< the machine of that program; empty: this host
  std::string verb;    ///< "exec b -- ip addr"
  int exit_code = 0;
  std::string problem;  ///< why it could not be done; one line
  std::chrono::nanoseconds duration{};
};

struct RunSummary {
  std::map<Outcome, int> outcomes;  ///< of executions that were the last word
  std::map<Outcome, int> cases;
  std::chrono::nanoseconds duration{};
  bool interrupted = false;
  int exit_code = 0;
};

/// Told everything that happens, in firing order; reporters implement what they want. Calls come
/// one at a time, from several threads; what a call gets lives until it returns (TestRun::test
/// until the run's end).
class TestEventListener {
public:
  virtual ~TestEventListener() = default;

  virtual void run_started(const RunInfo&) {}
  virtual void environment_started(const EnvironmentUse&) {}
  virtual void environment_activity(std::string_view, bool /*finished*/) {
  }                                                     ///< "building …: installing 2 packages"
  virtual void environment_output(std::string_view) {}  ///< of the tool at work; any bytes
  virtual void environment_ready(const EnvironmentUse&, std::chrono::nanoseconds) {}
  virtual void environment_failed(const EnvironmentUse&, const Error&) {}
  virtual void test_started(const TestRun&) {}
  virtual void test_output(const TestRun&, OutputStream, std::string_view) {}
  virtual void verb_done(const TestRun&, const VerbRecord&) {}
  virtual void test_finished(const TestRun&, const TestResult&) {}
  virtual void note(std::string_view) {}  ///< one line for a person
  virtual void run_finished(const RunSummary&) {}
};

}  // namespace nestbox
