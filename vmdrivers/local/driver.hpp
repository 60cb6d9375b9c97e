#pragma once

#include <memory>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::local {

/// Script mode: "machines" are scratch directories of this host.
std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

}  // namespace nestbox::local
