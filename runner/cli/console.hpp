#pragma once

#include <cstddef>
#include <string_view>

#include "runner/report/terminal.hpp"

namespace nestbox {

enum class ColorChoice { automatic, always, never };

/// All of `text` to a descriptor. A reader that went away (`| head`) is no error of ours: the rest
/// is dropped.
void write_all(int descriptor, std::string_view text);

/// A terminal that can move its cursor: not a file, not TERM=dumb.
bool is_capable_terminal(int descriptor);

/// Follows --color, NO_COLOR and TERM=dumb.
bool wants_color(ColorChoice choice, int descriptor);

std::size_t terminal_columns(int descriptor);

struct ConsoleChoices {
  bool verbose = false;
  bool quiet = false;
  bool progress = true;  ///< --no-progress: plain lines on a terminal too
  ColorChoice color = ColorChoice::automatic;
};

/// The settings of a run's terminal report. Of a single command, stdout carries the command's own
/// output and nothing else; all that is ours goes to stderr.
TerminalSettings terminal_settings(const ConsoleChoices& choices, bool single_command);

}  // namespace nestbox
