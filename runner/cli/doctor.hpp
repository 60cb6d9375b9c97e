#pragma once

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// `nestbox doctor`: each driver with its availability and the way to it, the tools that build
/// images, the cache. The exit code: 0 when machines are to be had, else 3.
int run_doctor(bool json, AcceleratorPolicy accelerator, const DriverRegistry& drivers);

}  // namespace nestbox
