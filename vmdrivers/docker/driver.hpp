#pragma once

#include <memory>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::docker {

/// Containers of an engine of this host: Docker's, or podman's.
std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

}  // namespace nestbox::docker
