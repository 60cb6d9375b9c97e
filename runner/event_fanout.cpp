#include "runner/event_fanout.hpp"

namespace nestbox {

void EventFanout::run_started(const RunInfo& info) {
  each([&](TestEventListener& listener) { listener.run_started(info); });
}

void EventFanout::environment_started(std::string_view name) {
  each([&](TestEventListener& listener) { listener.environment_started(name); });
}

void EventFanout::environment_activity(std::string_view activity, bool finished) {
  each([&](TestEventListener& listener) { listener.environment_activity(activity, finished); });
}

void EventFanout::environment_output(std::string_view bytes) {
  each([&](TestEventListener& listener) { listener.environment_output(bytes); });
}

void EventFanout::environment_ready(std::string_view name, std::chrono::nanoseconds duration) {
  each([&](TestEventListener& listener) { listener.environment_ready(name, duration); });
}

void EventFanout::environment_failed(std::string_view name, const Error& error) {
  each([&](TestEventListener& listener) { listener.environment_failed(name, error); });
}

void EventFanout::test_started(const TestRun& run) {
  each([&](TestEventListener& listener) { listener.test_started(run); });
}

void EventFanout::test_output(const TestRun& run, OutputStream stream, std::string_view bytes) {
  each([&](TestEventListener& listener) { listener.test_output(run, stream, bytes); });
}

void EventFanout::test_finished(const TestRun& run, const TestResult& result) {
  each([&](TestEventListener& listener) { listener.test_finished(run, result); });
}

void EventFanout::note(std::string_view text) {
  each([&](TestEventListener& listener) { listener.note(text); });
}

void EventFanout::run_finished(const RunSummary& summary) {
  each([&](TestEventListener& listener) { listener.run_finished(summary); });
}

}  // namespace nestbox
