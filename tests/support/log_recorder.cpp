#include "tests/support/log_recorder.hpp"

#include "harness/base/log.hpp"

namespace nestbox {
namespace {

// A sink is a plain function: it has no object to write to.
std::vector<std::string> recorded;

}  // namespace

LogRecorder::LogRecorder() {
  recorded.clear();
  set_log_sink([](LogLevel, std::string_view line) { recorded.emplace_back(line); });
}

LogRecorder::~LogRecorder() {
  set_log_sink(nullptr);
}

const std::vector<std::string>& LogRecorder::lines() const {
  return recorded;
}

}  // namespace nestbox
