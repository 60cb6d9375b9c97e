#pragma once

#include <string>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// Registers, under the name of a driver that this program was built without, one that is never
/// available and says how to get the real one.
void add_absent_driver(DriverRegistry& registry, const std::string& name, const std::string& hint,
                       Cost cost = Cost::guest);

}  // namespace nestbox
