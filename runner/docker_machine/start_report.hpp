#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"

namespace nestbox {

class Error;

/// Starts this program once more as a process that outlives us (start_detached), and waits until
/// its StartReport says that it is ready. `what` names it in messages. Throws Error(infrastructure)
/// with what it ended with, Error(timeout), Error(cancelled).
void start_reporting(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                     const std::string& what, Deadline deadline, const CancelToken& cancel);

/// What a process that was started so tells who started it, once.
class StartReport {
public:
  void ready();
  /// Also to stderr. The exit code.
  int failed(const Error& error);
};

}  // namespace nestbox
