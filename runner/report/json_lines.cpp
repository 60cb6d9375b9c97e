#include "runner/report/json_lines.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "runner/report/result_json.hpp"

namespace nestbox {

using Json = nlohmann::ordered_json;

JsonLinesReporter::JsonLinesReporter(const std::filesystem::path& file)
    : m_file(file, std::ios::binary) {
  if (!m_file)
    throw Error(ErrorCode::io, fmt::format("cannot write '{}'", file.string()));
}

void JsonLinesReporter::run_started(const RunInfo& info) {
  write("run_started", to_json(info));
}

void JsonLinesReporter::environment_started(std::string_view name) {
  write("environment_started", {{"environment", name}});
}

void JsonLinesReporter::environment_activity(std::string_view activity, bool finished) {
  write("environment_activity", {{"activity", printable(activity)}, {"finished", finished}});
}

void JsonLinesReporter::environment_ready(std::string_view name,
                                          std::chrono::nanoseconds duration) {
  write("environment_ready",
        {{"environment", name}, {"seconds", std::chrono::duration<double>(duration).count()}});
}

void JsonLinesReporter::environment_failed(std::string_view name, const Error& error) {
  write("environment_failed", {{"environment", name}, {"error", printable(error.render())}});
}

void JsonLinesReporter::test_started(const TestRun& run) {
  write("test_started", {{"id", printable(run.id)},
                         {"test", printable(run.test->name)},
                         {"driver", run.driver},
                         {"machine", run.machine},
                         {"directory", run.directory.filename().string()}});
}

void JsonLinesReporter::test_finished(const TestRun& run, const TestResult& result) {
  write("test_finished", to_json(run, result));
}

void JsonLinesReporter::note(std::string_view text) {
  write("note", {{"text", printable(text)}});
}

void JsonLinesReporter::run_finished(const RunSummary& summary) {
  write("run_finished", to_json(summary));
}

void JsonLinesReporter::write(const char* event, const Json& fields) {
  Json line = {{"event", event}, {"time", timestamp_now()}};
  line.update(fields);
  m_file << to_line(line) << '\n' << std::flush;
}

}  // namespace nestbox
