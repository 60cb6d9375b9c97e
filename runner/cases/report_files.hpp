#pragma once

#include <filesystem>
#include <vector>

#include "runner/cases/test_case.hpp"

namespace nestbox {

/// Reads every report that a test left in its TEST_OUTPUT_DIR (`directory` on the host):
/// testSummary.json at the top, else all JUnit XML and GoogleTest JSON files, sorted by path. A
/// broken testSummary.json, or a broken file that is named like a report (junit*.xml, TEST-*.xml),
/// becomes a report with a `problem`; other foreign files are passed over. Bounded: 200 files of 16
/// MiB, symlinks not followed.
std::vector<CaseReport> read_report_files(const std::filesystem::path& directory);

}  // namespace nestbox
