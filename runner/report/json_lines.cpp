#include "runner/report/json_lines.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "runner/report/result_json.hpp"

namespace nestbox {

using Json = nlohmann::ordered_json;

namespace {

Json place(const EnvironmentUse& use) {
  return {{use.topology ? "topology" : "environment", use.name()}};
}

}  // namespace

JsonLinesReporter::JsonLinesReporter(const std::filesystem::path& file)
    : m_file(file, std::ios::binary) {
  if (!m_file)
    throw Error(ErrorCode::io, fmt::format("cannot write '{}'", file.string()));
}

void JsonLinesReporter::run_started(const RunInfo& info) {
  write("run_started", to_json(info));
}

void JsonLinesReporter::environment_started(const EnvironmentUse& use) {
  write("environment_started", place(use));
}

void JsonLinesReporter::environment_activity(std::string_view activity, bool finished) {
  write("environment_activity", {{"activity", printable(activity)}, {"finished", finished}});
}

void JsonLinesReporter::environment_ready(const EnvironmentUse& use,
                                          std::chrono::nanoseconds duration) {
  Json fields = place(use);
  fields["seconds"] = std::chrono::duration<double>(duration).count();
  write("environment_ready", fields);
}

void JsonLinesReporter::environment_failed(const EnvironmentUse& use, const Error& error) {
  Json fields = place(use);
  fields["error"] = printable(error.render());
  write("environment_failed", fields);
}

void JsonLinesReporter::test_started(const TestRun& run) {
  write("test_started", {{"id", printable(run.id)},
                         {"test", printable(run.test->name)},
                         {"driver", run.driver},
                         {"machine", run.machine},
                         {"directory", run.directory.filename().string()}});
}

void JsonLinesReporter::verb_done(const TestRun& run, const VerbRecord& record) {
  Json fields = {{"id", printable(run.id)},
                 {"machine", record.caller.empty() ? "host" : record.caller},
                 {"verb", printable(record.verb)},
                 {"exit_code", record.exit_code},
                 {"seconds", std::chrono::duration<double>(record.duration).count()}};
  if (record.step > 0)
    fields["step"] = record.step;
  if (!record.problem.empty())
    fields["problem"] = printable(record.problem);
  write("verb_done", fields);
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
