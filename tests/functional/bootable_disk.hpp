#pragma once

#include "harness/env/build_context.hpp"

namespace nestbox {

/// `disk.raw`, a Debian as its users might have it: one partition, GRUB, a kernel, systemd and
/// cloud-init. Of what all of these do, only what it takes to boot is left on, for it boots
/// emulated.
Layer bootable_disk(const BuildContext& context);

}  // namespace nestbox
