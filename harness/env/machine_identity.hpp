#pragma once

#include <string>
#include <string_view>

#include "harness/env/machine_options.hpp"

namespace nestbox {

/// What makes a machine itself: random machine-id and entropy, the present time, `name` as far as a
/// hostname may hold it.
Identity fresh_identity(std::string_view name);

/// The identity asked for, else a fresh one of its name.
Identity identity_of(const MachineOptions& options);

}  // namespace nestbox
