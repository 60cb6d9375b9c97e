#pragma once

#include <functional>
#include <vector>

#include "harness/base/clock.hpp"

namespace nestbox {

using CancellableTask = std::function<void(const CancelToken& cancel)>;

/// Does the tasks at once, each on a thread of its own (one alone on the caller's), until all have
/// ended. The first that throws cancels the others; what it threw is thrown then.
void run_together(const std::vector<CancellableTask>& tasks, const CancelToken& cancel);

}  // namespace nestbox
