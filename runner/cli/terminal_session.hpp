#pragma once

#include <string>
#include <vector>

#include "runner/workplace.hpp"

namespace nestbox {

/// Connects our terminal to a command in a machine until it ends: raw mode, its own pty, resized
/// with ours. When stdin or stdout is no terminal, plain streams instead. Blocks as long as the
/// person wants.
ExitStatus run_interactively(Machine& machine, Command command);

/// The login shell of a machine: bash where there is one, else its sh; PowerShell on Windows.
std::vector<std::string> shell_argv(const Machine& machine);

/// --shell-on-fail: a shell where the test ran, after a line that says so; of several machines on
/// those that are named, until none is.
void offer_shell(const std::vector<Workplace*>& places, const TestRun& run);

}  // namespace nestbox
