#pragma once

#include <filesystem>
#include <fstream>

#include <nlohmann/json_fwd.hpp>

#include "runner/test_events.hpp"

namespace nestbox {

/// One JSON object a line, an event each, as it happens: {"event": "test_finished", "time": "…",
/// …}. The output itself is left out: it is in the run directory.
class JsonLinesReporter : public TestEventListener {
public:
  /// Throws Error(io) when the file cannot be made.
  explicit JsonLinesReporter(const std::filesystem::path& file);

  void run_started(const RunInfo& info) override;
  void environment_started(const EnvironmentUse& use) override;
  void environment_activity(std::string_view activity, bool finished) override;
  void environment_ready(const EnvironmentUse& use, std::chrono::nanoseconds duration) override;
  void environment_failed(const EnvironmentUse& use, const Error& error) override;
  void test_started(const TestRun& run) override;
  void verb_done(const TestRun& run, const VerbRecord& record) override;
  void test_finished(const TestRun& run, const TestResult& result) override;
  void note(std::string_view text) override;
  void run_finished(const RunSummary& summary) override;

private:
  void write(const char* event, const nlohmann::ordered_json& fields);

  std::ofstream m_file;
};

}  // namespace nestbox
