#pragma once

#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// The whole program, but for which drivers there are: parses `arguments` (without the program's
/// name), does what they ask and returns the exit code. Errors go to stderr; never throws.
int run_program(const std::vector<std::string>& arguments, const DriverRegistry& drivers);

}  // namespace nestbox
