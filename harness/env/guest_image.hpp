#pragma once

#include <string>
#include <vector>

#include "harness/env/build_context.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/driver.hpp"

namespace nestbox {

/// What an environment boots from, before its steps: layers in use and the machine's spec without a
/// name.
struct GuestImage {
  std::vector<Layer> layers;
  MachineSpec spec;
  std::string key;  ///< of the layers' content and all of the spec
};

/// Error(definition), with the environment's place, for an image, a package or an init that cannot
/// be, or not with a driver that boots such things. Pure.
void check_image(const Environment& environment, Boots boots);

/// Builds what is missing; `base_directory` is where a disk of the user's own is, `interfaces` how
/// many wired devices the machine has. Throws what check_image does, Error(definition) for a disk
/// that cannot be booted, Error(infrastructure), Error(cancelled).
GuestImage guest_image(const BuildContext& context, const Environment& environment,
                       const fs::path& base_directory, std::size_t interfaces);

}  // namespace nestbox
