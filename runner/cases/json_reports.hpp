#pragma once

#include <string_view>

#include "harness/base/result.hpp"
#include "runner/cases/test_case.hpp"

namespace nestbox {

/// Reads what GoogleTest writes for --gtest_output=json. Error(corrupt) when it is not JSON,
/// Error(unsupported) when it is some other JSON.
Result<CaseReport> parse_gtest_json(std::string_view json);

/// Reads testSummary.json, version 1:
/// `{"version": 1, "cases": [{"name": "…", "outcome": "passed", "message": "…", "seconds": 1.5},
/// …]}`; `outcome` is one of DESIGN's words; `message` and `seconds` may be left out.
/// Error(corrupt) says what is wrong.
Result<CaseReport> parse_test_summary(std::string_view json);

}  // namespace nestbox
