#include "runner/event_fanout.hpp"

namespace nestbox {

void EventFanout::run_started(const RunInfo& info) {
  each([&](TestEventListener& listener) { listener.run_started(info); });
}

void EventFanout::environment_started(const EnvironmentUse& use) {
  each([&](TestEventListener& listener) { listener.environment_started(use); });
}

void EventFanout::environment_activity(std::string_view activity, bool finished) {
  each([&](TestEventListener& listener) { listener.environment_activity(activity, finished); });
}

void EventFanout::environment_output(std::string_view bytes) {
  each([&](TestEventListener& listener) { listener.environment_output(bytes); });
}

void EventFanout::environment_ready(const EnvironmentUse& use, std::chrono::nanoseconds duration) {
  each([&](TestEventListener& listener) { listener.environment_ready(use, duration); });
}

void EventFanout::environment_failed(const EnvironmentUse& use, const Error& error) {
  each([&](TestEventListener& listener) { listener.environment_failed(use, error); });
}

void EventFanout::test_started(const TestRun& run) {
  each([&](TestEventListener& listener) { listener.test_started(run); });
}

void EventFanout::test_output(const TestRun& run, OutputStream stream, std::string_view bytes) {
  each([&](TestEventListener& listener) { listener.test_output(run, stream, bytes); });
}

void EventFanout::verb_done(const TestRun& run, const VerbRecord& record) {
  each([&](TestEventListener& listener) { listener.verb_done(run, record); });
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
