#include "runner/report/result_json.hpp"

#include <chrono>
#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds duration) {
  return std::round(std::chrono::duration<double>(duration).count() * 1e6) / 1e6;
}

Json to_json(const CaseReport& report) {
  Json cases = Json::array();
  for (const TestCase& test_case : report.cases) {
    Json entry = {{"name", printable(test_case.name)},
                  {"outcome", outcome_name(test_case.outcome)}};
    if (!test_case.message.empty())
      entry["message"] = printable(test_case.message);
    if (test_case.duration.count() > 0)
      entry["seconds"] = seconds(test_case.duration);
    cases.push_back(std::move(entry));
  }
  Json json = {{"format", report.format}};
  if (!report.problem.empty())
    json["problem"] = printable(report.problem);
  json["cases"] = std::move(cases);
  return json;
}

Json counts(const std::map<Outcome, int>& outcomes) {
  Json json = Json::object();
  for (const auto& [outcome, count] : outcomes)
    json[std::string(outcome_name(outcome))] = count;
  return json;
}

}  // namespace

nlohmann::ordered_json to_json(const TestRun& run, const TestResult& result) {
  Json json = {{"version", 1},
               {"id", printable(run.id)},
               {"test", printable(run.test->name)},
               {"outcome", outcome_name(result.outcome)},
               {"detail", printable(result.detail)},
               {"repetition", run.repetition},
               {"attempt", run.attempt},
               {"run_again", result.run_again},
               {run.test->topology ? "topology" : "environment",
                run.test->topology.value_or(run.test->environment)},
               {"driver", run.driver},
               {"markers", run.test->markers}};
  if (result.status && result.status->signal)
    json["signal"] = result.status->signal;
  else if (result.status)
    json["exit_code"] = result.status->code;
  json["seconds"] = {{"machine", seconds(result.machine_time)},
                     {"files", seconds(result.files_time)},
                     {"command", seconds(result.command_time)},
                     {"total", seconds(result.total_time)}};
  if (result.seed)
    json["seed"] = *result.seed;
  json["private_memory"] = result.private_memory.count;
  json["directory"] = run.directory.filename().string();
  json["reports"] = Json::array();
  for (const CaseReport& report : result.reports)
    json["reports"].push_back(to_json(report));
  return json;
}

nlohmann::ordered_json to_json(const RunInfo& info) {
  return {{"version", 1},
          {"id", info.id},
          {"program_version", info.version},
          {"drivers", info.drivers},
          {"environments", info.environments},
          {"topologies", info.topologies},
          {"cores", info.resources.cores},
          {"memory", info.resources.memory.count},
          {"tests", info.tests},
          {"deselected", info.deselected}};
}

nlohmann::ordered_json to_json(const RunSummary& summary) {
  return {{"outcomes", counts(summary.outcomes)},
          {"cases", counts(summary.cases)},
          {"seconds", seconds(summary.duration)},
          {"interrupted", summary.interrupted},
          {"exit_code", summary.exit_code}};
}

std::string to_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string timestamp_now() {
  auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  auto since_epoch = now.time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), since_epoch % 1000);
}

}  // namespace nestbox
