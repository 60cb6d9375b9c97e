#pragma once

#include <string>
#include <vector>

#include "harness/env/build_context.hpp"
#include "harness/model/definition.hpp"

namespace nestbox {

/// What makes one Debian root disk different from another.
struct DebianImage {
  std::string suite;
  Init init = Init::agent;
  std::vector<std::string> packages;  ///< sorted, each once

  bool operator==(const DebianImage&) const = default;
};

/// Of an environment whose image is "debian:SUITE".
DebianImage debian_image(const Environment& environment);

/// A root filesystem as `rootfs.tar`: Debian's minimal set with what `init` needs, from the host's
/// own mirrors. With packages it is made from the one without, so that another choice of packages
/// spares the bootstrap.
Layer debian_rootfs_layer(const BuildContext& context, const DebianImage& image);

/// The root disk `disk.raw` (sparse, ext4, 16 GiB to the guest): the root filesystem, the kernel's
/// modules and what makes it a guest of ours.
Layer debian_disk_layer(const BuildContext& context, const DebianImage& image, const Layer& kernel);

}  // namespace nestbox
