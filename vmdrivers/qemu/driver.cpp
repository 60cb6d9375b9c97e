#include "vmdrivers/qemu/driver.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/qemu/machine.hpp"
#include "vmdrivers/qemu_base/accelerator.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/image.hpp"
#include "vmdrivers/qemu_base/probe.hpp"
#include "vmdrivers/qemu_base/program.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"
#include "vmdrivers/qemu_base/scratch.hpp"

namespace nestbox::qemu {
namespace {

/// A clone that lives answers within a second, also on a host with much to do.
constexpr std::chrono::seconds k_fork_patience(30);

class QemuDriver final : public Driver {
public:
  explicit QemuDriver(const DriverSettings& settings) : m_settings(settings) {}

  std::string_view name() const override { return "qemu"; }
  Capabilities capabilities() const override;
  Availability availability() override;
  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::string snapshot_key() override;
  double slowdown() override { return engine().choice.slowdown; }

private:
  /// What runs the machines; found at the first need.
  struct Engine {
    Program program;
    AcceleratorChoice choice;
    fs::path scratch;
  };
  const Engine& engine() const;
  Engine find_engine() const;
  double probe(const Engine& engine, const Rung& rung, const MachineSpec& guest) const;
  Launch launch(const MachineSpec& spec, const std::vector<int>& cables) const;

  DriverSettings m_settings;
  mutable std::mutex m_mutex;
  mutable std::optional<Result<Engine>> m_engine;
};

const QemuDriver::Engine& QemuDriver::engine() const {
  std::lock_guard lock(m_mutex);
  if (!m_engine)
    m_engine = catch_error([this] { return find_engine(); });
  if (!*m_engine)
    throw m_engine->error();
  return **m_engine;
}

QemuDriver::Engine QemuDriver::find_engine() const {
  const fs::path cache = cache_directory();
  Engine engine{value_or_throw(find_program(cache / "qemu.json")), {}, swept_scratch()};
  engine.choice = chosen_accelerator(
      cache / "accelerator.json", m_settings,
      fmt::format("{} argv {}", engine.program.digest, k_argv_version),
      [&](const Rung& rung, const MachineSpec& guest) { return probe(engine, rung, guest); });
  return engine;
}

double QemuDriver::probe(const Engine& engine, const Rung& rung, const MachineSpec& guest) const {
  QemuMachine machine(
      {.binary = engine.program.path, .accelerator = rung.accelerator, .spec = guest},
      {.scratch = engine.scratch}, {});
  await_probe(
      machine, [&](const Error& symptom) { return machine.cause(symptom); }, rung.patience);
  return measure_slowdown(machine);
}

Capabilities QemuDriver::capabilities() const {
  Capabilities capabilities{
      .machine = true, .fork = true, .network = true, .ethernet = true, .terminal = true};
  const Result<bool> nested = catch_error([this] { return nests(engine().choice.accelerator); });
  capabilities.nested = nested.value_or(false);
  return capabilities;
}

Availability QemuDriver::availability() {
  const Result<const Engine*> found = catch_error([this] { return &engine(); });
  if (!found)
    return {false, found.error().message, found.error().hint};
  return {true,
          fmt::format("qemu-system-x86_64 {}, {}", (*found)->program.version,
                      describe((*found)->choice)),
          {},
          (*found)->choice.accelerator.name,
          explain((*found)->choice)};
}

std::string QemuDriver::snapshot_key() {
  const Engine& engine = this->engine();
  return fmt::format("qemu {} {}\nargv {}\naccelerator {} {}\nhost cpu {}\n",
                     engine.program.version, engine.program.digest, k_argv_version,
                     engine.choice.accelerator.name, engine.choice.accelerator.cpu_model,
                     sha256(host_cpu()));
}

Launch QemuDriver::launch(const MachineSpec& spec, const std::vector<int>& cables) const {
  if (!cables.empty() && cables.size() != spec.interfaces.size())
    throw Error(ErrorCode::usage,
                fmt::format("{} cables for {} interfaces", cables.size(), spec.interfaces.size()));
  const Engine& engine = this->engine();
  Launch launch{.binary = engine.program.path,
                .accelerator = engine.choice.accelerator,
                .spec = spec,
                .keep_disk_writes = spec.save_directory.has_value(),
                .cabled = !cables.empty()};
  if (spec.save_directory)
    launch.ram_file = RamFile{*spec.save_directory / k_ram_file, true};
  return launch;
}

std::unique_ptr<Machine> QemuDriver::boot(const MachineSpec& spec, const BootOptions& options,
                                          Deadline deadline, const CancelToken& cancel) {
  try {
    Launch launch = this->launch(spec, options.cables);
    give_disk_of_its_own(launch.spec, deadline, cancel);
    auto machine = std::make_unique<QemuMachine>(
        launch, StartFiles{.scratch = engine().scratch, .cables = options.cables}, cancel);
    machine->await_agent(deadline);
    return machine;
  } catch (Error& error) {
    if (error.code == ErrorCode::lost)
      error.code = ErrorCode::infrastructure;
    throw error.during("booting machine '" + spec.name + "' (driver qemu)");
  }
}

std::unique_ptr<Machine> QemuDriver::fork(const Snapshot& snapshot, const ForkOptions& options,
                                          Deadline deadline, const CancelToken& cancel) {
  try {
    MachineSpec spec = snapshot.spec;
    spec.name = options.name;
    spec.save_directory = options.save_directory;
    Launch launch = this->launch(spec, options.cables);
    launch.restore = true;
    launch.paused = options.paused;
    if (spec.save_directory)
      copy_ram(snapshot.directory / k_ram_file, launch.ram_file->path);
    else
      launch.ram_file = RamFile{snapshot.directory / k_ram_file, false};
    give_disk_of_its_own(launch.spec, deadline, cancel);
    auto machine =
        std::make_unique<QemuMachine>(launch,
                                      StartFiles{.scratch = engine().scratch,
                                                 .state = snapshot.directory / k_state_file,
                                                 .cables = options.cables},
                                      cancel);
    if (!options.paused)
      machine->await_agent(earlier(deadline, Deadline::after(k_fork_patience)));
    return machine;
  } catch (const Error& error) {
    throw error.during("forking machine '" + options.name + "' (driver qemu)");
  }
}

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings& settings) {
  return std::make_unique<QemuDriver>(settings);
}

}  // namespace nestbox::qemu
