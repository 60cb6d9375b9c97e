#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/cases/test_case.hpp"

namespace nestbox {

/// Reads TAP 12 to 14 and KTAP (nested, kselftest's too) from a stream, piece by piece. Anything
/// else in the stream is passed over; memory stays bounded whatever comes (lines are cut at 8 KiB).
/// A stream counts as TAP only when it holds a version line, or a plan and results, so that a
/// program which happens to print "ok 1" is left alone.
class TapParser {
public:
  void feed(std::string_view bytes);

  /// The end of the stream. Nothing when it was not TAP.
  std::optional<CaseReport> finish();

private:
  struct Level {
    std::size_t indent = 0;
    std::optional<std::size_t> planned;
    std::size_t seen = 0;
    std::vector<TestCase> cases;
  };

  void line(std::string_view text);
  bool yaml(std::string_view text, std::size_t indent);
  void plan(std::string_view text, std::size_t indent);
  void result(bool ok, std::string_view rest, std::size_t indent);
  Level& level_at(std::size_t indent);
  std::vector<TestCase> close_deeper_than(std::size_t indent);
  void close_last();
  void complain(std::string problem);

  std::string m_partial;
  bool m_version = false;
  bool m_ktap = false;
  bool m_plan = false;
  bool m_in_yaml = false;
  bool m_hash_nested =
      false;  ///< kselftest's runner: a nested stream is a comment of the outer one
  std::size_t m_results = 0;
  std::vector<Level> m_levels;  ///< indents strictly rising
  CaseReport m_report;
};

}  // namespace nestbox
