#pragma once

#include <memory>
#include <vector>

#include "harness/env/environment.hpp"
#include "harness/env/environment_steps.hpp"
#include "harness/env/guest_image.hpp"

namespace nestbox {

/// An environment of real machines: forks of its template (the last of `live`), or cold boots of
/// `image` when there is none or a fresh machine is asked for. A cold machine has its steps either
/// on the disk that the template was saved with or, without one, run again.
std::shared_ptr<PreparedEnvironment>
make_forked_environment(LayerCache& cache, Driver& driver, const Environment& environment,
                        GuestImage image, EnvironmentSteps steps, std::vector<Layer> live);

}  // namespace nestbox
