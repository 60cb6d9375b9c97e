#pragma once

#include <functional>

#include "harness/base/scope.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// Answers the one request that a client sends, and hangs up. `prepare` makes what a verdict wants
/// made before. Blocks until that is done, or `cancel`.
void serve_scoped(Engine& engine, const Scope& scope, FileDescriptor client,
                  const std::function<void(const ScopeVerdict&)>& prepare,
                  const CancelToken& cancel);

}  // namespace nestbox::docker
