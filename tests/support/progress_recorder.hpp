#pragma once

#include <string>
#include <vector>

#include "harness/env/progress.hpp"

namespace nestbox {

/// Keeps what a preparation told.
class ProgressRecorder final : public Progress {
public:
  void started(std::string_view activity) override { activities.emplace_back(activity); }
  void output(std::string_view bytes) override { text += bytes; }
  void finished(std::string_view) override {}

  std::vector<std::string> activities;
  std::string text;
};

}  // namespace nestbox
