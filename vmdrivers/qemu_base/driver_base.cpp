#include "vmdrivers/qemu_base/driver_base.hpp"

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/image.hpp"
#include "vmdrivers/qemu_base/probe.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"
#include "vmdrivers/qemu_base/scratch.hpp"

namespace nestbox::qemu {
namespace {

/// A clone that lives answers within a second, also on a host with much to do.
constexpr std::chrono::seconds k_fork_patience(30);

void check_cables(const Start& start) {
  if (!start.cables.empty() && start.cables.size() != start.spec.interfaces.size())
    throw Error(ErrorCode::usage, fmt::format("{} cables for {} interfaces", start.cables.size(),
                                              start.spec.interfaces.size()));
}

Start boot_of(const MachineSpec& spec, const BootOptions& options) {
  Start start{.spec = spec, .cables = options.cables};
  check_cables(start);
  if (spec.save_directory)
    start.ram_file = RamFile{*spec.save_directory / k_ram_file, true};
  return start;
}

Start fork_of(const Snapshot& snapshot, const ForkOptions& options) {
  const fs::path saved = snapshot.directory / k_ram_file;
  Start start{.spec = snapshot.spec,
              .ram_file = RamFile{saved, false},
              .state = snapshot.directory / k_state_file,
              .cables = options.cables,
              .paused = options.paused};
  start.spec.name = options.name;
  start.spec.save_directory = options.save_directory;
  check_cables(start);
  if (options.save_directory) {
    start.ram_file = RamFile{*options.save_directory / k_ram_file, true};
    copy_ram(saved, start.ram_file->path);
  }
  return start;
}

}  // namespace

Engine DriverBase::find_engine() {
  const std::string format = this->format();
  const fs::path cache = cache_directory();
  Engine engine{value_or_throw(find_program(cache / "qemu.json")), swept_scratch()};
  engine.choice = chosen_accelerator(
      cache / choice_file(), m_settings, fmt::format("{} {}", engine.program.digest, format),
      [&](const Rung& rung, const MachineSpec& guest) { return probe(engine, rung, guest); });
  return engine;
}

double DriverBase::probe(Engine engine, const Rung& rung, const MachineSpec& guest) {
  engine.choice.accelerator = rung.accelerator;
  const auto machine = start(engine, {.spec = guest}, Deadline::never(), {});
  await_probe(*machine, rung.patience);
  return measure_slowdown(*machine);
}

Capabilities DriverBase::capabilities() const {
  Capabilities capabilities{
      .machine = true, .fork = true, .network = true, .ethernet = true, .terminal = true};
  const Result<bool> nested =
      catch_error([this] { return nests(m_engine.get().choice.accelerator); });
  capabilities.nested = nested.value_or(false);
  return capabilities;
}

Availability DriverBase::availability() {
  const Result<const Engine*> found = catch_error([this] { return &m_engine.get(); });
  if (!found)
    return {false, found.error().message, found.error().hint};
  const AcceleratorChoice& choice = (*found)->choice;
  return {true,
          fmt::format("qemu-system-x86_64 {}, {}", (*found)->program.version, describe(choice)),
          {},
          choice.accelerator.name,
          explain(choice)};
}

std::string DriverBase::snapshot_key() {
  const Engine& engine = m_engine.get();
  const Accelerator& accelerator = engine.choice.accelerator;
  return fmt::format("qemu {} {}\n{}\naccelerator {} {}\nhost cpu {}\n", engine.program.version,
                     engine.program.digest, format(), accelerator.name, accelerator.cpu_model,
                     sha256(host_cpu()));
}

std::unique_ptr<Machine> DriverBase::boot(const MachineSpec& spec, const BootOptions& options,
                                          Deadline deadline, const CancelToken& cancel) {
  try {
    Start start = boot_of(spec, options);
    give_disk_of_its_own(start.spec, deadline, cancel);
    auto machine = this->start(m_engine.get(), start, deadline, cancel);
    machine->await_agent(deadline, cancel);
    return machine;
  } catch (Error& error) {
    if (error.code == ErrorCode::lost)
      error.code = ErrorCode::infrastructure;
    throw error.during(fmt::format("booting machine '{}' (driver {})", spec.name, name()));
  }
}

std::unique_ptr<Machine> DriverBase::fork(const Snapshot& snapshot, const ForkOptions& options,
                                          Deadline deadline, const CancelToken& cancel) {
  try {
    Start start = fork_of(snapshot, options);
    give_disk_of_its_own(start.spec, deadline, cancel);
    auto machine = this->start(m_engine.get(), start, deadline, cancel);
    if (!options.paused)
      machine->await_agent(earlier(deadline, Deadline::after(k_fork_patience)), cancel);
    return machine;
  } catch (const Error& error) {
    throw error.during(fmt::format("forking machine '{}' (driver {})", options.name, name()));
  }
}

}  // namespace nestbox::qemu
