#pragma once

#include "harness/base/subprocess.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// Runs a command of ours to its end and keeps what it wrote, at most 64 KiB of each stream.
/// Error(timeout), Error(cancelled), and what Transport::run throws.
Captured run_in_machine(Transport& transport, const Command& command, Deadline deadline,
                        const CancelToken& cancel);

}  // namespace nestbox
