#pragma once

#include <string>

#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {

/// Ends a container and removes it, with the unnamed volumes that only it uses; as good when there
/// is none. Waits for one that is being removed already. Whatever Engine::call throws is returned.
Result<void> remove_container(Engine& engine, const std::string& id, Deadline deadline,
                              const CancelToken& cancel = {});

}  // namespace nestbox::docker
