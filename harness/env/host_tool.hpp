#pragma once

#include "harness/base/clock.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/env/progress.hpp"

namespace nestbox {

/// Runs a program of this host as a whole process tree, its stdout and stderr told to `progress` as
/// they come. Throws Error(infrastructure) with its last lines when it does not succeed,
/// Error(not_found) with how to install it when it is absent, Error(timeout), Error(cancelled).
void run_tool(ProcessSpec spec, Progress& progress, Deadline deadline, const CancelToken& cancel);

/// Error(infrastructure) naming the Debian package when `program` is not on this host.
void require_tool(const std::string& program, const std::string& package);

}  // namespace nestbox
