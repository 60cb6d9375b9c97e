#pragma once

#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/env/progress.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox {

/// The `run` and `copy` steps of one environment, made ready to be keyed and to be done, in order.
class EnvironmentSteps {
public:
  /// Reads what copy steps copy, below `base_directory`, to hash it. Throws Error(definition) for a
  /// source that is absent or outside.
  EnvironmentSteps(const Environment& environment, const fs::path& base_directory);

  std::size_t count() const noexcept { return m_environment.steps.size(); }

  /// Hash of the step's own content, the files and variables it sees included. `index` from 0.
  const std::string& key(std::size_t index) const { return m_keys.at(index); }

  /// For a person: "step 2: apt-get install …".
  std::string description(std::size_t index) const;

  /// Does the step. Throws Error(infrastructure) with the step and its last lines of output when it
  /// fails or takes the machine down, Error(cancelled), Error(timeout).
  void apply(std::size_t index, Machine& machine, Progress& progress, Deadline deadline,
             const CancelToken& cancel) const;

private:
  Environment m_environment;
  fs::path m_base_directory;
  std::vector<std::string> m_keys;
};

}  // namespace nestbox
