#include "tests/functional/tiny_machines.hpp"

#include <cstdlib>

#include "harness/env/environment.hpp"
#include "tests/support/progress_recorder.hpp"
#include "vmdrivers/qemu/driver.hpp"

namespace nestbox {

std::pair<fs::path, fs::path> tiny_guest() {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  LayerCache cache(cache_directory());
  ProgressRecorder progress;
  return EnvironmentBuilder::tiny_guest(cache, progress, {});
}

std::unique_ptr<Driver> make_qemu_driver(AcceleratorPolicy policy) {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  return qemu::make_driver({.accelerator = policy, .probe_guest = tiny_guest});
}

MachineSpec tiny_machine() {
  const auto [kernel, initramfs] = tiny_guest();
  MachineSpec spec;
  spec.kernel = kernel;
  spec.initramfs = initramfs;
  return spec;
}

}  // namespace nestbox
