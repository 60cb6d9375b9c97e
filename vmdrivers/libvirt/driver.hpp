#pragma once

#include <memory>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::libvirt {

std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

}  // namespace nestbox::libvirt
