#pragma once

#include <mutex>

#include "harness/env/progress.hpp"

namespace nestbox {

/// Progress as plain lines on stderr, for commands that are no test run.
class PlainProgress : public Progress {
public:
  void started(std::string_view activity) override;
  void output(std::string_view) override {}
  void finished(std::string_view) override {}

private:
  std::mutex m_mutex;
};

}  // namespace nestbox
