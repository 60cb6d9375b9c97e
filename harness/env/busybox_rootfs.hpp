#pragma once

#include "harness/env/build_context.hpp"

namespace nestbox {

/// A root filesystem as `rootfs.tar`, of nothing but the busybox that the tiny guest has: `kernel`
/// is the layer that holds it.
Layer busybox_rootfs_layer(const BuildContext& context, const Layer& kernel);

}  // namespace nestbox
