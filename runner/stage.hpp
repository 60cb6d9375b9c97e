#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/env/environment.hpp"
#include "runner/output_recorder.hpp"
#include "runner/verdict.hpp"
#include "runner/workplace.hpp"

namespace nestbox {

/// What one execution of a test has to itself: a machine, or a world of them. Dropping it ends
/// everything in it.
class Stage {
public:
  virtual ~Stage() = default;

  /// Of each machine (and of the host, when the test's command runs there); the one on which the
  /// command runs is the first.
  virtual std::vector<Workplace*> workplaces() = 0;

  /// Brings the source tree to where it will be needed. Throws what Workplace::lay_out does.
  virtual void lay_out(const CancelToken& cancel) = 0;

  /// Does what the test is: its command, or its steps. Throws what Transport::run does.
  virtual Performance perform(OutputRecorder& output, Deadline deadline,
                              const CancelToken& cancel) = 0;

  /// Brings back what commands left in their TEST_OUTPUT_DIR.
  virtual void fetch(const std::filesystem::path& artifacts, const CancelToken& cancel) = 0;

  /// The first machine that ended by itself; nothing while all live.
  virtual std::optional<MachineEnd> machine_end() = 0;

  /// Writes consoles and counters into the test's folder. Throws Error(io).
  virtual void keep_evidence(const std::filesystem::path& folder) = 0;

  /// Of its networks; nothing without any.
  virtual std::optional<std::uint64_t> seed() const { return std::nullopt; }

  Bytes private_memory() {
    Bytes sum;
    for (const Workplace* place : workplaces())
      sum = sum + place->machine().private_memory();
    return sum;
  }
};

/// What every stage is made with; all parts outlive it.
struct StageParts {
  const RunContext& context;
  const EnvironmentUse& use;
  const TestRun& run;
  TestEventListener& listener;  ///< told of the verbs that are done
};

/// An environment or a topology made ready, from which stages are made. Any thread.
class PreparedStage {
public:
  virtual ~PreparedStage() = default;

  /// Throws what PreparedEnvironment::machine and PreparedTopology::world do.
  virtual std::unique_ptr<Stage> open(const StageParts& parts, Deadline deadline,
                                      const CancelToken& cancel) = 0;
};

/// Runs the test's own command in a workplace that is laid out. Throws what Transport::run does.
CommandResult run_test_command(const Workplace& place, const Test& test, OutputRecorder& output,
                               Deadline deadline, const CancelToken& cancel);

/// A stage with one machine of this environment.
std::shared_ptr<PreparedStage> make_machine_stage(std::shared_ptr<PreparedEnvironment> environment);

}  // namespace nestbox
