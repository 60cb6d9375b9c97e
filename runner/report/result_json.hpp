#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "runner/test_events.hpp"

namespace nestbox {

/// The one JSON form (version 1) of what a run stores and reports: keys in this order, times in
/// seconds, sizes in bytes, foreign text through printable().
nlohmann::ordered_json to_json(const TestRun& run, const TestResult& result);
nlohmann::ordered_json to_json(const RunInfo& info);
nlohmann::ordered_json to_json(const RunSummary& summary);

/// One line, whatever bytes are in it.
std::string to_line(const nlohmann::ordered_json& value);

/// "2026-01-31T12:00:00.123Z".
std::string timestamp_now();

}  // namespace nestbox
