#pragma once

#include <string_view>

namespace nestbox {

enum class LogLevel { debug, info, warning };

/// Diagnostics for a person, one line each, to stderr unless a sink is set; any thread. Never
/// results, never secrets.
void log(LogLevel level, std::string_view message);

/// Lines below this level are dropped; `info` at first (NESTBOX_LOG=debug and --verbose lower it).
void set_log_level(LogLevel level);

using LogSink = void (*)(LogLevel level, std::string_view message);
/// Takes the lines instead of stderr (the live terminal reporter, tests); nullptr gives them back.
void set_log_sink(LogSink sink);

}  // namespace nestbox
