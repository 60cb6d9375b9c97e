#pragma once

#include "harness/env/guest_image.hpp"
#include "harness/vm/driver.hpp"

namespace nestbox {

/// What an environment boots from with a driver that boots images: a root filesystem of ours as an
/// archive, or an image of the driver's own, whose files `base_directory` has. Builds what is
/// missing. Throws what check_image does, Error(infrastructure), Error(cancelled).
GuestImage container_image(const BuildContext& context, Driver& driver,
                           const Environment& environment, const fs::path& base_directory);

}  // namespace nestbox
