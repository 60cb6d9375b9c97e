#pragma once

#include <memory>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::ssh {

/// Machines are hosts that exist (settings.hpp), each leased to one test at a time.
std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

}  // namespace nestbox::ssh
