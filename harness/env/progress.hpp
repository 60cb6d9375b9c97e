#pragma once

#include <string_view>

namespace nestbox {

/// Told what a long preparation is doing; implemented by the terminal reporter. Any thread.
class Progress {
public:
  virtual ~Progress() = default;

  virtual void
  started(std::string_view activity) = 0;  ///< "building debian:bookworm: installing 2 packages"
  virtual void output(std::string_view bytes) = 0;  ///< of the tool at work
  virtual void finished(std::string_view activity) = 0;
};

/// Tells nobody.
class SilentProgress final : public Progress {
public:
  void started(std::string_view) override {}
  void output(std::string_view) override {}
  void finished(std::string_view) override {}
};

}  // namespace nestbox
