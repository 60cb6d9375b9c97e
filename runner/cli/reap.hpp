#pragma once

#include <string>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

struct ReapOptions {
  std::string driver = "all";
  bool dry_run = false;  ///< say what there is, end nothing
  bool json = false;
};

/// `nestbox reap`: ends what nestboxes that were killed have left with the drivers, as files, and
/// half-done in stores of layers. 3 when something could not be ended, or a driver that was used
/// here could not even look. Throws what a driver says that was named.
int reap(const ReapOptions& options, const DriverRegistry& drivers);

}  // namespace nestbox
