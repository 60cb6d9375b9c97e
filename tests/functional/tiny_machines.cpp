#include "tests/functional/tiny_machines.hpp"

#include <cstdlib>

#include "harness/env/environment.hpp"
#include "tests/support/progress_recorder.hpp"
#include "vmdrivers/register_drivers.hpp"

namespace nestbox {

std::pair<fs::path, fs::path> tiny_guest() {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  LayerCache cache(cache_directory());
  ProgressRecorder progress;
  return EnvironmentBuilder::tiny_guest(cache, progress, {});
}

std::string driver_under_test() {
  const char* name = std::getenv("NESTBOX_TEST_DRIVER");
  return name ? name : "qemu";
}

std::unique_ptr<Driver> make_machine_driver(AcceleratorPolicy policy) {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  DriverRegistry registry;
  register_drivers(registry);
  return registry.make(driver_under_test(), {.accelerator = policy, .probe_guest = tiny_guest});
}

MachineSpec tiny_machine() {
  const auto [kernel, initramfs] = tiny_guest();
  MachineSpec spec;
  spec.kernel = kernel;
  spec.initramfs = initramfs;
  return spec;
}

}  // namespace nestbox
