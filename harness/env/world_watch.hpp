#pragma once

#include <functional>

#include "harness/env/world.hpp"

namespace nestbox {

/// Does the action; when a machine ends meanwhile, the action's token is cancelled, and this throws
/// Error(lost) that names the machine, how it ended and what its console said last. Takes
/// World::on_end for itself.
void while_all_live(World& world, const CancelToken& cancel,
                    const std::function<void(const CancelToken&)>& action);

/// "machine 'b': its kernel panicked", and what its console said.
Error machine_ended(World& world, const std::string& machine, Condition how);

}  // namespace nestbox
