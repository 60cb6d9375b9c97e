#pragma once

#include "tests/support/nestbox_program.hpp"

namespace nestbox {

/// What a person at a terminal saw of the program, and how it ended.
struct TerminalRun {
  ExitStatus status;
  std::string seen;  ///< what was typed is echoed in it, lines end with "\r\n"
};

/// Runs the program to its end on a terminal of 33 rows and 99 columns, `typed` typed ahead.
/// Error(timeout) when it takes longer than `limit`.
TerminalRun run_on_terminal(const NestboxProgram& program, std::vector<std::string> arguments,
                            const std::string& typed,
                            std::chrono::seconds limit = std::chrono::minutes(2));

}  // namespace nestbox
