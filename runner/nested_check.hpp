#pragma once

#include <optional>
#include <string>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// Why programs in the machine cannot use hardware virtualisation; nothing when they can: its
/// kernel has KVM, loaded here when it was not, and a virtual machine with a processor could be
/// made on it. Throws what Transport::run does.
std::optional<std::string> missing_virtualization(Machine& machine, Deadline deadline,
                                                  const CancelToken& cancel);

}  // namespace nestbox
