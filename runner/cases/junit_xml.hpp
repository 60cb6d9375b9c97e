#pragma once

#include <string_view>

#include "harness/base/result.hpp"
#include "runner/cases/test_case.hpp"

namespace nestbox {

/// Reads a JUnit-like XML report (Surefire's, GoogleTest's, pytest's). Error(corrupt) when it is
/// not well formed, Error(unsupported) when its root is neither <testsuites> nor <testsuite>: then
/// it is some other XML.
Result<CaseReport> parse_junit_xml(std::string_view xml);

}  // namespace nestbox
