#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "harness/base/filesystem.hpp"
#include "harness/vm/driver_registry.hpp"
#include "tests/support/machine_shell.hpp"

namespace nestbox {

/// Kernel and initramfs of the tiny guest, built once into the tests' shared cache.
std::pair<fs::path, fs::path> tiny_guest();

/// Whose machines these tests are about: what NESTBOX_TEST_DRIVER says, or "qemu".
std::string driver_under_test();

/// That driver, with the tests' shared cache as its own.
std::unique_ptr<Driver> make_machine_driver(AcceleratorPolicy policy = AcceleratorPolicy::never);

/// The tiny guest with 256 MiB.
MachineSpec tiny_machine();

}  // namespace nestbox
