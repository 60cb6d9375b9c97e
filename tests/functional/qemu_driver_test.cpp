#include <cstdlib>

#include "harness/env/environment.hpp"
#include "harness/vm/snapshot.hpp"
#include "tests/contract/driver_contract.hpp"
#include "vmdrivers/qemu/driver.hpp"

namespace nestbox {
namespace {

class NoProgress final : public Progress {
  void started(std::string_view) override {}
  void output(std::string_view) override {}
  void finished(std::string_view) override {}
};

/// Kernel and initramfs of the tiny guest, built once into the tests' shared cache.
std::pair<fs::path, fs::path> tiny_guest() {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  LayerCache cache(cache_directory());
  NoProgress progress;
  return EnvironmentBuilder::tiny_guest(cache, progress, {});
}

std::unique_ptr<Driver> make_driver() {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  return qemu::make_driver({.accelerator = AcceleratorPolicy::never, .probe_guest = tiny_guest});
}

MachineSpec tiny_machine() {
  const auto [kernel, initramfs] = tiny_guest();
  MachineSpec spec;
  spec.kernel = kernel;
  spec.initramfs = initramfs;
  return spec;
}

INSTANTIATE_TEST_SUITE_P(Qemu, DriverContract,
                         testing::Values(DriverUnderTest{"qemu", make_driver, tiny_machine}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace nestbox
