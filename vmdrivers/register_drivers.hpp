#pragma once

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// The one place that knows every driver; called by the programs' main functions only.
void register_drivers(DriverRegistry& registry);

}  // namespace nestbox
