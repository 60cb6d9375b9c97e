#pragma once

#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// Connects our terminal to a command in a machine until it ends: raw mode, its own pty, resized
/// with ours. When stdin or stdout is no terminal, plain streams instead. Blocks as long as the
/// person wants.
ExitStatus run_interactively(Machine& machine, Command command);

/// The login shell of a machine: bash where there is one, else its sh.
std::vector<std::string> shell_argv();

/// --shell-on-fail: a shell where the test ran, after a line that says so.
void offer_shell(Machine& machine, const Command& test_command, const std::string& test_name);

}  // namespace nestbox
