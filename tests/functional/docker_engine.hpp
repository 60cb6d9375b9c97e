#pragma once

#include <memory>

#include "harness/vm/driver.hpp"
#include "tests/support/docker_daemon.hpp"

namespace nestbox {

/// The daemon of this test program, started at the first need.
DockerDaemon& docker_daemon();

/// A driver that speaks to it.
std::unique_ptr<Driver> make_docker_driver();

/// Of a small container, without a name.
MachineSpec busybox_container();

}  // namespace nestbox
