#pragma once

#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// The names of a scope, looked up in the engine. Borrows both.
ScopeLookup engine_lookup(Engine& engine, const Scope& scope, const CancelToken& cancel);

}  // namespace nestbox::docker
