#pragma once

#include <memory>

#include "harness/env/topology_environment.hpp"
#include "runner/stage.hpp"

namespace nestbox {

/// A stage with a world of this topology. Programs in all of its machines, and on this host those
/// of a test that runs there, can do verbs in it. `outside`: where a test runs that is on none of
/// them, an environment of script mode or of containers.
std::shared_ptr<PreparedStage> make_world_stage(std::shared_ptr<PreparedTopology> topology,
                                                std::shared_ptr<PreparedEnvironment> outside);

}  // namespace nestbox
