#pragma once

#include <vector>

#include "harness/env/build_context.hpp"
#include "harness/env/environment_steps.hpp"
#include "harness/env/guest_image.hpp"
#include "harness/vm/driver.hpp"

namespace nestbox {

/// The live snapshots of an environment: the image booted, then one layer a step, each forked from
/// the former; the last is the template. Builds what is missing; one that restores to a dead guest
/// is dropped and built anew. Throws Error(infrastructure), Error(cancelled).
std::vector<Layer> live_layers(const BuildContext& context, Driver& driver,
                               const Environment& environment, const GuestImage& image,
                               const EnvironmentSteps& steps);

}  // namespace nestbox
