#include "runner/cases/json_reports.hpp"

#include <charconv>
#include <cmath>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::json;

std::chrono::milliseconds milliseconds_of(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9)
    return {};
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

std::string text_of(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add(CaseReport& report, TestCase test_case) {
  if (report.cases.size() < k_maximum_cases)
    report.cases.push_back(std::move(test_case));
  else if (is_failure(test_case.outcome) && report.problem.empty())
    report.problem =
        fmt::format("case '{}' failed beyond the {} cases kept", test_case.name, k_maximum_cases);
}

TestCase gtest_case(const Json& entry, const std::string& suite) {
  TestCase result;
  result.name = suite + " > " + text_of(entry, "name");
  std::string time = text_of(entry, "time");  // "0.012s"
  double seconds = 0;
  std::from_chars(time.data(), time.data() + time.size(), seconds);
  result.duration = milliseconds_of(seconds);
  if (text_of(entry, "status") == "NOTRUN" || text_of(entry, "result") == "SKIPPED")
    result.outcome = Outcome::skipped;
  if (auto failures = entry.find("failures");
      failures != entry.end() && failures->is_array() && !failures->empty()) {
    result.outcome = Outcome::failed;
    if (failures->front().is_object())
      result.message = text_of(failures->front(), "failure");
  }
  return result;
}

}  // namespace

Result<CaseReport> parse_gtest_json(std::string_view json) {
  Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded())
    return fail(ErrorCode::corrupt, "not valid JSON");
  if (!document.is_object() || !document.contains("testsuites")
      || !document["testsuites"].is_array())
    return fail(ErrorCode::unsupported, "not a GoogleTest report");
  CaseReport report{"gtest", {}, {}, false};
  for (const Json& suite : document["testsuites"]) {
    if (!suite.is_object() || !suite.contains("testsuite") || !suite["testsuite"].is_array())
      continue;
    for (const Json& entry : suite["testsuite"])
      if (entry.is_object())
        add(report, gtest_case(entry, text_of(suite, "name")));
  }
  return report;
}

Result<CaseReport> parse_test_summary(std::string_view json) {
  Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded())
    return fail(ErrorCode::corrupt, "not valid JSON");
  if (!document.is_object() || !document.contains("version") || document["version"] != 1)
    return fail(ErrorCode::corrupt, "needs \"version\": 1");
  if (!document.contains("cases") || !document["cases"].is_array())
    return fail(ErrorCode::corrupt, "needs a list \"cases\"");
  CaseReport report{"testSummary", {}, {}, false};
  std::size_t index = 0;
  for (const Json& entry : document["cases"]) {
    if (!entry.is_object() || text_of(entry, "name").empty())
      return fail(ErrorCode::corrupt, fmt::format("case {} needs a \"name\"", index));
    std::string word = text_of(entry, "outcome");
    std::optional<Outcome> outcome = parse_outcome(word);
    if (!outcome)
      return fail(ErrorCode::corrupt, fmt::format("case '{}' has the unknown outcome '{}'",
                                                  text_of(entry, "name"), word));
    auto seconds = entry.find("seconds");
    add(report,
        {text_of(entry, "name"), *outcome, text_of(entry, "message"),
         seconds != entry.end() && seconds->is_number() ? milliseconds_of(seconds->get<double>())
                                                        : std::chrono::milliseconds{}});
    ++index;
  }
  return report;
}

}  // namespace nestbox
