#pragma once

#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/env/build_context.hpp"
#include "harness/env/world.hpp"

namespace nestbox {

/// What is done once to the machines of a topology.
class WorldSetup {
public:
  /// Reads what its steps copy, below `base_directory`, to hash it. Throws Error(definition) for a
  /// source that is absent or outside.
  WorldSetup(const Topology& topology, const fs::path& base_directory);

  bool empty() const noexcept { return m_topology.setup.empty(); }

  /// Of each step the hash of the files that it copies from beside nestbox.yml; "" for all others.
  const std::vector<std::string>& content_hashes() const noexcept { return m_content_hashes; }

  /// Does the steps, one after the other. Throws Error(infrastructure) with the step and its last
  /// lines of output when it fails or a machine ends meanwhile, Error(cancelled), Error(timeout).
  void apply(World& world, Progress& progress, Deadline deadline, const CancelToken& cancel) const;

private:
  std::string description(std::size_t index) const;
  void apply(std::size_t index, World& world, Progress& progress, Deadline deadline,
             const CancelToken& cancel) const;

  Topology m_topology;
  fs::path m_base_directory;
  std::vector<std::string> m_content_hashes;
};

}  // namespace nestbox
