#include "runner/report/run_recorder.hpp"

#include "harness/base/text.hpp"
#include "runner/report/result_json.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {

RunRecorder::RunRecorder(std::filesystem::path directory, std::vector<std::string> command_line)
    : m_directory(std::move(directory)), m_command_line(std::move(command_line)),
      m_started(timestamp_now()) {}

void RunRecorder::run_started(const RunInfo& info) {
  m_info = info;
  write(nullptr);
}

void RunRecorder::test_finished(const TestRun& run, const TestResult& result) {
  if (!run.directory.empty())
    write_whole(run.directory / "result.json", to_line(to_json(run, result)) + "\n");
}

void RunRecorder::run_finished(const RunSummary& summary) {
  write(&summary);
}

void RunRecorder::write(const RunSummary* summary) {
  nlohmann::ordered_json json = to_json(m_info);
  json["started"] = m_started;
  json["command_line"] = nlohmann::ordered_json::array();
  for (const std::string& argument : m_command_line)
    json["command_line"].push_back(printable(argument));
  if (summary) {
    json["finished"] = timestamp_now();
    json["summary"] = to_json(*summary);
  }
  write_whole(m_directory / "run.json", to_line(json) + "\n");
}

}  // namespace nestbox
