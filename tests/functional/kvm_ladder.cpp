#include <cstdio>

#include "harness/base/filesystem.hpp"
#include "vmdrivers/qemu/driver.hpp"

using namespace nestbox;

/// kvm_ladder KERNEL INITRAMFS: finds hardware acceleration the way the driver does, then boots a
/// machine with it, saves it and forks it. For a guest of nested_kvm_test, where there is nothing
/// else of ours.
int main(int argc, char** argv) {
  if (argc != 3)
    return 2;
  const std::pair<std::filesystem::path, std::filesystem::path> guest(argv[1], argv[2]);
  const auto driver = qemu::make_driver(
      {.accelerator = AcceleratorPolicy::require, .probe_guest = [&] { return guest; }});
  const Availability availability = driver->availability();
  std::printf("%s: %s\n", availability.acceleration.c_str(), availability.reason.c_str());
  if (!availability.available)
    return 1;
  try {
    const Deadline deadline = Deadline::after(std::chrono::minutes(5));
    const TemporaryDirectory directory;
    MachineSpec spec;
    spec.name = "nested";
    spec.kernel = guest.first;
    spec.initramfs = guest.second;
    spec.save_directory = directory.path();
    auto machine = driver->boot(spec, {}, deadline, {});
    machine->transport().quiesce(deadline);
    const Snapshot snapshot = machine->save(deadline);
    machine.reset();
    driver->fork(snapshot, {.name = "clone"}, deadline, {})->transport().ping(deadline, {});
    std::printf("forked\n");
  } catch (const Error& error) {
    std::printf("%s\n", error.render().c_str());
    return 1;
  }
}
