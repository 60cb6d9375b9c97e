#pragma once

#include <string>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// What each driver can do, a row each, as a Markdown table: docs/drivers/README.md holds it.
/// Whether it works on this host is no part of it.
std::string feature_table(const DriverRegistry& drivers);

}  // namespace nestbox
