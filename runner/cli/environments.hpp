#pragma once

#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// `nestbox env list`: the environments of the nestbox.yml here and the built-in ones.
int list_environments(bool json);

struct BuildOptions {
  std::vector<std::string> environments;  ///< none: what the tests here use, topologies too
  std::string driver = "auto";
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  bool refresh = false;  ///< build every layer once more, packages from their mirror
};

/// `nestbox env build` and `refresh`, with plain progress on stderr. Throws Error.
int build_environments(const BuildOptions& options, const DriverRegistry& drivers);

}  // namespace nestbox
