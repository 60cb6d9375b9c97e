#pragma once

#include "harness/env/build_context.hpp"
#include "harness/model/network_access.hpp"

namespace nestbox {

/// The user's own disk as `disk`, copied by its content, so that what is done to the file later
/// makes another layer and leaves this one's forks alone. A file that has not changed is not read
/// again. Throws what read_disk_image does, Error(infrastructure), Error(cancelled).
Layer own_disk_layer(const BuildContext& context, const fs::path& file);

/// The disk `seed.iso` that cloud-init on another one looks for (its data source NoCloud), with our
/// agent on it and the order to start it at each boot.
Layer seed_layer(const BuildContext& context, NetworkAccess network);

}  // namespace nestbox
