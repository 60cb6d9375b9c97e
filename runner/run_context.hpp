#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/env/work_tree.hpp"
#include "runner/test_result.hpp"

namespace nestbox {

class Workplace;

/// What all tests of one run share.
struct RunContext {
  std::string run_id;
  std::filesystem::path run_directory;
  std::shared_future<WorkTree> work_tree;  ///< read while the first machine starts
  std::filesystem::path
      start_directory;  ///< on the host, within the work tree: where commands start
  std::map<std::string, std::string> variables;  ///< --env; stronger than the definition's
  std::filesystem::path kept_directory;          ///< holds what TEST_CCACHE_DIR keeps between runs
  /// Of all that impaired networks leave to chance; absent: each execution has one of its own.
  std::optional<std::uint64_t> seed;
  /// A test failed and its machines are still there (--shell-on-fail), the one on which its command
  /// ran first; may block. May be empty.
  std::function<void(const std::vector<Workplace*>&, const TestRun&)> on_failure;
};

}  // namespace nestbox
