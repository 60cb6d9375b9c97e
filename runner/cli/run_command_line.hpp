#pragma once

#include <memory>

#include "runner/cli/run.hpp"

namespace CLI {
class App;
}

namespace nestbox {

/// Declares the flags of `nestbox run` on `app`. They are checked and land in the result's
/// `options` once `app` has parsed and `finish` was called.
class RunCommandLine {
public:
  explicit RunCommandLine(CLI::App& app);
  ~RunCommandLine();

  /// What was parsed. Throws Error(usage).
  RunOptions finish(std::vector<std::string> command, std::vector<std::string> arguments) const;

private:
  struct Text;
  std::unique_ptr<Text> m_text;
  std::unique_ptr<RunOptions> m_options;
};

/// Declares `-m`, `-k` and `--shard`, which `run` and `list` share; the second call reads them.
struct SelectionText {
  std::string markers;
  std::string keywords;
  std::string shard;
};
void add_selection(CLI::App& app, SelectionText& text);
SelectionRequest parse_selection(const SelectionText& text);

AcceleratorPolicy parse_accelerator(const std::string& word);

}  // namespace nestbox
