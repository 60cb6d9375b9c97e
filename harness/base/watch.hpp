#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "harness/base/subprocess.hpp"

namespace nestbox {

/// A descriptor to look after while a process runs. `ready` is called when it can be read or has
/// ended; it must not block for want of data, and returns false when it is done with the
/// descriptor.
struct Watch {
  int descriptor;
  std::function<bool()> ready;
};

/// Serves the watches, on this thread, until `process` has ended, the deadline passes or the token
/// is cancelled. Watches that are done are taken out of `watches`.
Wait watch_until_end(const Process& process, std::vector<Watch>& watches, Deadline deadline,
                     const CancelToken& cancel);

/// Serves the watches until all are done: what an ended process left behind. False when the
/// deadline passed first.
bool watch_until_done(std::vector<Watch>& watches, Deadline deadline);

/// Serves each watch that is ready once, and waits for none.
void serve_ready(std::vector<Watch>& watches);

/// A watch that hands on what `descriptor` (a pipe, a terminal) holds, in pieces, until its end:
/// each time as much as a pipe can hold.
Watch watch_output(int descriptor, std::function<void(std::string_view)> sink);

}  // namespace nestbox
