#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// What a machine is to be, beside what its environment says.
struct MachineOptions {
  std::string name;  ///< unique among live machines
  Isolation isolation = Isolation::fork;
  std::optional<Identity> identity{};        ///< absent: fresh_identity(name)
  std::vector<int> cables{};                 ///< as BootOptions::cables
  std::optional<fs::path> save_directory{};  ///< as MachineSpec::save_directory
};

}  // namespace nestbox
