#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "harness/env/topology_environment.hpp"
#include "harness/env/verb_executor.hpp"
#include "tests/functional/tiny_machines.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {

/// Real worlds of tiny machines, in the tests' shared cache.
class WorldFixture : public testing::Test {
protected:
  WorldFixture();

  /// The one topology of a nestbox.yml that begins with `version: 1`.
  std::shared_ptr<PreparedTopology> prepare(const std::string& yaml);

  /// A fork of it.
  std::unique_ptr<World> make(PreparedTopology& prepared, const std::string& run_name,
                              std::uint64_t seed = 1);

  struct Done {
    int code = 0;
    std::string text;  ///< what it printed
  };
  /// Does the verb as `caller`; a caller on the host stands in `folder()`.
  Done verb(World& world, const std::string& words, const std::string& caller = {});

  const fs::path& folder() const { return m_folder.path(); }
  Driver& driver() { return *m_driver; }
  LayerCache& cache() { return m_cache; }
  const ProgressRecorder& progress() const { return m_progress; }

private:
  TemporaryDirectory m_folder;
  std::unique_ptr<Driver> m_driver;
  LayerCache m_cache;
  ProgressRecorder m_progress;
};

}  // namespace nestbox
