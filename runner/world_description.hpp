#pragma once

#include <string>

#include "harness/model/topology.hpp"

namespace nestbox {

/// NESTBOX_MACHINES: {"a": {"hostname": "a", "environment": "debian",
/// "addresses": {"lan": ["10.90.0.1"]}}, …}, on one line, in the topology's order. Pure.
std::string describe_machines(const Topology& topology);

/// The module `nestbox` for tests written in Python.
std::string_view python_module();

}  // namespace nestbox
