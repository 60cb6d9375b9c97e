#include "runner/cases/report_files.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "runner/cases/json_reports.hpp"
#include "runner/cases/junit_xml.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_maximum_files = 200;
constexpr Bytes k_maximum_size = mebibytes(16);

std::vector<fs::path> candidates(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(directory, ignored), end; entry != end && !ignored;
       entry.increment(ignored)) {
    fs::path extension = entry->path().extension();
    if ((extension == ".xml" || extension == ".json")
        && entry->symlink_status(ignored).type() == fs::file_type::regular)
      found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  found.resize(std::min(found.size(), k_maximum_files));
  return found;
}

bool named_like_report(const fs::path& path) {
  std::string name = path.filename().string();
  return name.starts_with("junit") || name.starts_with("TEST-");
}

CaseReport broken(std::string format, const fs::path& path, const Error& error) {
  return {std::move(format),
          {},
          fmt::format("'{}': {}", path.filename().string(), error.message),
          false};
}

std::optional<CaseReport> read_report(const fs::path& path) {
  bool xml = path.extension() == ".xml";
  Result<CaseReport> report = catch_error([&] {
    std::string content = read_file(path, k_maximum_size);
    return value_or_throw(xml ? parse_junit_xml(content) : parse_gtest_json(content));
  });
  if (report)
    return std::move(*report);
  if (xml && named_like_report(path))
    return broken("junit", path, report.error());
  return std::nullopt;
}

}  // namespace

std::vector<CaseReport> read_report_files(const fs::path& directory) {
  std::vector<CaseReport> reports;
  fs::path summary = directory / "testSummary.json";
  std::error_code ignored;
  if (fs::symlink_status(summary, ignored).type() == fs::file_type::regular) {
    Result<CaseReport> report = catch_error(
        [&] { return value_or_throw(parse_test_summary(read_file(summary, k_maximum_size))); });
    reports.push_back(report ? std::move(*report) : broken("testSummary", summary, report.error()));
    return reports;
  }
  for (const fs::path& path : candidates(directory))
    if (std::optional<CaseReport> report = read_report(path))
      reports.push_back(std::move(*report));
  return reports;
}

}  // namespace nestbox
