#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/vm/driver.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// As Driver::reap: containers, networks and volumes of processes that are gone.
std::vector<Leftover> reap_leftovers(Engine& engine, bool dry_run, Deadline deadline,
                                     const CancelToken& cancel);

/// Removes all that bears the scope's label; what cannot be removed is logged.
void remove_scope(Engine& engine, const Scope& scope);

/// The owner of an entry in one of the engine's lists, when that is a process of this host's
/// present or a former boot that is gone, and a user of ours.
std::optional<std::string> dead_owner(const nlohmann::json& entry);

}  // namespace nestbox::docker
