#include "tests/functional/tiny_machines.hpp"

#include <cstdlib>

#include "harness/env/environment.hpp"
#include "vmdrivers/qemu/driver.hpp"

namespace nestbox {
namespace {

class NoProgress final : public Progress {
  void started(std::string_view) override {}
  void output(std::string_view) override {}
  void finished(std::string_view) override {}
};

}  // namespace

std::pair<fs::path, fs::path> tiny_guest() {
  ::setenv("XDG_CACHE_HOME", NESTBOX_TEST_CACHE, 1);
  LayerCache cache(cache_directory());
  NoProgress progress;
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

std::string shell(Machine& machine, const std::string& script) {
  std::string output;
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_output)
      output += bytes;
  };
  const CommandResult result =
      machine.transport().run({.argv = {"/bin/sh", "-c", script}}, io, soon(), {});
  EXPECT_EQ(result.status, ExitStatus{}) << script;
  return output;
}

Snapshot save(std::unique_ptr<Machine> machine) {
  machine->transport().quiesce(soon());
  return machine->save(soon());
}

}  // namespace nestbox
