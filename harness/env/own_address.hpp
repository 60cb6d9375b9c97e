#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// By which IPv4 address a machine is known on the network that leads out of it, after its
/// /proc/net/route and /proc/net/fib_trie; nothing when it has none. Pure.
std::optional<std::string> find_own_address(std::string_view routes, std::string_view addresses);

/// Asks the machine. Error(infrastructure) when it has none, and what Transport::run throws.
std::string own_address(Machine& machine, Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
