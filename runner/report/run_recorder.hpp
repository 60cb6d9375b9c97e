#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runner/test_events.hpp"

namespace nestbox {

/// Writes run.json at the start (and again at the end, with the summary) and each execution's
/// result.json.
class RunRecorder : public TestEventListener {
public:
  RunRecorder(std::filesystem::path directory, std::vector<std::string> command_line);

  void run_started(const RunInfo& info) override;
  void test_finished(const TestRun& run, const TestResult& result) override;
  void run_finished(const RunSummary& summary) override;

private:
  void write(const RunSummary* summary);

  std::filesystem::path m_directory;
  std::vector<std::string> m_command_line;
  std::string m_started;
  RunInfo m_info;
};

}  // namespace nestbox
