#pragma once

#include <sys/types.h>

namespace nestbox {

/// The signal that tells a supervisor to end its tree; any other that it gets, it hands on to the
/// program's group.
int stop_signal();

/// The life of the process that stands between us and a program whose whole tree must end with it.
/// Called in a forked child that is a child subreaper and blocks all signals; `program` is its own
/// child. When the program has ended, or `stop_signal` came (also sent by the kernel when we die),
/// kills every descendant, those that made themselves daemons too, and ends exactly as the program
/// did. `sudo` is to be used for descendants of another user; those that cannot be killed at all
/// are left behind. When `leaves_running`, nothing is killed after a program that ended by itself.
/// Async-signal-safe.
[[noreturn]] void supervise_tree(pid_t program, bool sudo, bool leaves_running) noexcept;

}  // namespace nestbox
