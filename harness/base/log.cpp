#include "harness/base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "harness/base/text.hpp"

namespace nestbox {

namespace {

LogLevel first_level() {
  const char* asked = std::getenv("NESTBOX_LOG");
  return asked && std::string_view(asked) == "debug" ? LogLevel::debug : LogLevel::info;
}

std::atomic<LogLevel>& level_now() {
  static std::atomic<LogLevel> level = first_level();
  return level;
}

std::atomic<LogSink> g_sink = nullptr;

std::string_view prefix(LogLevel level) {
  switch (level) {
  case LogLevel::debug:
    return "nestbox: debug: ";
  case LogLevel::info:
    return "nestbox: ";
  case LogLevel::warning:
    return "nestbox: warning: ";
  }
  return "nestbox: ";
}

}  // namespace

void log(LogLevel level, std::string_view message) {
  if (level < level_now().load(std::memory_order_relaxed))
    return;
  const std::string text = printable(message);
  if (const LogSink sink = g_sink.load())
    return sink(level, text);
  const std::string line = std::string(prefix(level)) + text + "\n";
  // One write, so that lines of several threads do not mix; where stderr is gone there is nobody to
  // tell.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

void set_log_level(LogLevel level) {
  level_now() = level;
}

void set_log_sink(LogSink sink) {
  g_sink = sink;
}

}  // namespace nestbox
