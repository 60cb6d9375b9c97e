#pragma once

#include "runner/stage.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

/// Runs one test once: a stage, the files, the command or the steps, the outputs back, the verdict.
/// Blocks; never throws: what goes wrong is an outcome. The machines are gone when it returns.
TestResult run_attempt(const RunContext& context, const EnvironmentUse& use,
                       PreparedStage& prepared, const TestRun& run, TestEventListener& listener,
                       const CancelToken& cancel);

}  // namespace nestbox
