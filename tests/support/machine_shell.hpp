#pragma once

#include <string>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// Far beyond what anything in a test takes.
inline Deadline soon() {
  return Deadline::after(std::chrono::minutes(2));
}

/// Stdout of `sh -c script` in the machine; the test fails when the script does.
std::string shell(Machine& machine, const std::string& script);

/// Quiesced, saved and ended.
Snapshot save(std::unique_ptr<Machine> machine);

}  // namespace nestbox
