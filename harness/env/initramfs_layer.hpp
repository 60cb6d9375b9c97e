#pragma once

#include "harness/env/build_context.hpp"

namespace nestbox {

/// The two initramfs that go with a kernel layer, both with the guest agent as /init and the
/// modules it loads first listed in /nestbox/modules: `disk.cpio` mounts a root disk and goes on
/// there; `tiny.cpio` is a whole small system: busybox with all its applets and the modules that
/// network, filesystem and container tests load.
Layer initramfs_layer(const BuildContext& context, const Layer& kernel);

}  // namespace nestbox
