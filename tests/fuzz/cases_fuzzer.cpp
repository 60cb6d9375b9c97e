#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runner/cases/json_reports.hpp"
#include "runner/cases/junit_xml.hpp"
#include "runner/cases/tap.hpp"

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

void require_refusal(const nestbox::Result<nestbox::CaseReport>& report) {
  require(report || report.error().code == nestbox::ErrorCode::corrupt
          || report.error().code == nestbox::ErrorCode::unsupported);
}

}  // namespace

/// What a test writes becomes cases: any bytes, in any pieces, give the same report or a refusal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  nestbox::TapParser whole;
  whole.feed(text);
  nestbox::TapParser pieces;
  for (std::size_t at = 0; at < size; at += 7)
    pieces.feed(text.substr(at, 7));
  require(whole.finish() == pieces.finish());
  require_refusal(nestbox::parse_junit_xml(text));
  require_refusal(nestbox::parse_gtest_json(text));
  require_refusal(nestbox::parse_test_summary(text));
  return 0;
}
