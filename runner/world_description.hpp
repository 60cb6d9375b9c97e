#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/model/machine_access.hpp"
#include "harness/model/topology.hpp"

namespace nestbox {

/// NESTBOX_MACHINES: {"a": {"hostname": "a", "environment": "debian",
/// "addresses": {"lan": ["10.90.0.1"]}}, …}, on one line, in the topology's order; machines that
/// let somebody in have "ssh": {"host": …, "port": …, "user": …, "key": …, "known_hosts": …,
/// "config": …}, too. Pure.
std::string describe_machines(const Topology& topology,
                              const std::vector<MachineAccess>& access = {},
                              const AccessFiles& files = {});

/// The module `nestbox` for tests written in Python.
std::string_view python_module();

}  // namespace nestbox
