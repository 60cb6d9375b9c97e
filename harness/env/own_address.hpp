#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// By which IPv4 address others reach a machine: the first of `known` (Machine::addresses) that is
/// its own, else that on the network that leads out of it, after its /proc/net/route and
/// /proc/net/fib_trie; nothing when it has none. Pure.
std::optional<std::string> find_own_address(const std::vector<std::string>& known,
                                            std::string_view routes, std::string_view addresses);

/// Asks the machine. Error(infrastructure) when it has none, and what Transport::run throws.
std::string own_address(Machine& machine, Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
