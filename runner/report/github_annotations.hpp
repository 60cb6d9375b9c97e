#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runner/test_events.hpp"

namespace nestbox {

/// Marks failing tests in GitHub's view of a change: `::error
/// file=tests/a.sh,line=3,title=…::message` lines, foreign bytes escaped so that no test can speak
/// to the workflow through them.
class GithubAnnotations : public TestEventListener {
public:
  explicit GithubAnnotations(std::function<void(std::string_view)> write)
      : m_write(std::move(write)) {}

  void test_finished(const TestRun& run, const TestResult& result) override;

private:
  std::function<void(std::string_view)> m_write;
};

}  // namespace nestbox
