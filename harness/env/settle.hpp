#pragma once

#include "harness/model/definition.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox {

/// Blocks until a machine that was booted or worked on has nothing left to do by itself: services
/// started, device events handled, udev's idle workers gone. What is still under way in a template
/// goes on in every clone of it, beside the test. Returns at once without systemd. A machine that
/// does not come to rest within two minutes is taken as it is, with a warning. Throws Error(lost).
void settle(Machine& machine, const Environment& environment, const CancelToken& cancel);

/// The same, and what every command needs is in the machine's memory then, not on its disk.
void settle_for_save(Machine& machine, const Environment& environment, const CancelToken& cancel);

}  // namespace nestbox
