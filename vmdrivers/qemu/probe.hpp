#pragma once

#include "harness/base/clock.hpp"
#include "vmdrivers/qemu/machine.hpp"

namespace nestbox::qemu {

/// How much longer a fixed loop takes in the machine than here, 1 to 20. Both run the machine's own
/// busybox, which is fetched for it. Throws what the transport throws.
double measure_slowdown(Machine& machine, Deadline deadline);

}  // namespace nestbox::qemu
