#pragma once

#include <memory>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::docker_machine {

/// Machines are those that the program docker-machine creates, with any driver of its own; entered
/// over ssh, removed in the end.
std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

}  // namespace nestbox::docker_machine
