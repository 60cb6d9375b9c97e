#include "vmdrivers/qemu/driver.hpp"

#include <fmt/format.h>

#include <fstream>
#include <mutex>
#include <optional>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/qemu/accelerator.hpp"
#include "vmdrivers/qemu/image.hpp"
#include "vmdrivers/qemu/machine.hpp"
#include "vmdrivers/qemu/probe.hpp"
#include "vmdrivers/qemu/program.hpp"

namespace nestbox::qemu {
namespace {

/// A clone that lives answers within a second, also on a host with much to do.
constexpr std::chrono::seconds k_fork_patience(30);

constexpr std::chrono::minutes k_measure_time(5);

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

/// What the processor is and can, of /proc/cpuinfo's first processor.
std::string host_cpu() {
  std::ifstream stream("/proc/cpuinfo");
  std::string text;
  for (std::string line; std::getline(stream, line) && !line.empty();)
    if (line.starts_with("model name") || line.starts_with("flags"))
      text += line + "\n";
  return text;
}

bool kvm_nests() {
  for (const char* module : {"kvm_intel", "kvm_amd"}) {
    const std::string value = first_line(fs::path("/sys/module") / module / "parameters/nested");
    if (value == "Y" || value == "1")
      return true;
  }
  return false;
}

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
  double probe(const Engine& engine, const Rung& rung,
               const std::pair<fs::path, fs::path>& guest) const;
  Launch launch(const MachineSpec& spec, const std::vector<int>& cables) const;
  void give_disk(Launch& launch, Deadline deadline, const CancelToken& cancel) const;

  DriverSettings m_settings;
  mutable std::mutex m_mutex;
  mutable std::optional<Result<Engine>> m_engine;
};

/// Where QEMUs put what a machine writes to its disk. They unlink each file as soon as they have it
/// open; one that is still named after a while was left by a kill in between.
fs::path swept_scratch() {
  const fs::path directory = cache_directory() / "scratch";
  fs::create_directories(directory);
  const auto stale = fs::file_time_type::clock::now() - std::chrono::minutes(10);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (entry.last_write_time(ignored) < stale)
      fs::remove(entry.path(), ignored);
  return directory;
}

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
  const std::optional<Error> problem = kvm_problem();
  // A reboot may bring another kernel or firmware; a change of permission another answer.
  const std::string key =
      fmt::format("{} {} argv {} kvm '{}'", first_line("/proc/sys/kernel/random/boot_id"),
                  engine.program.digest, k_argv_version, problem ? problem->message : "");
  const fs::path file = cache / "accelerator.json";
  const AcceleratorPolicy policy = m_settings.accelerator;
  if (auto known = load_choice(file, policy, key)) {
    engine.choice = *known;
    return engine;
  }
  const FileLock lock = FileLock::acquire(cache / "accelerator.lock", FileLock::Mode::exclusive);
  if (auto known = load_choice(file, policy, key)) {
    engine.choice = *known;
    return engine;
  }
  if (!m_settings.probe_guest)
    throw Error(ErrorCode::unsupported, "there is no guest to probe the accelerators with");
  const auto guest = m_settings.probe_guest();
  engine.choice = choose_accelerator(policy, problem,
                                     [&](const Rung& rung) { return probe(engine, rung, guest); });
  store_choice(file, policy, key, engine.choice);
  return engine;
}

double QemuDriver::probe(const Engine& engine, const Rung& rung,
                         const std::pair<fs::path, fs::path>& guest) const {
  MachineSpec spec;
  spec.name = "probe";
  spec.kernel = guest.first;
  spec.initramfs = guest.second;
  // A kernel that talks from its first instruction on: silence means that it does not run.
  spec.kernel_arguments = "loglevel=7 earlyprintk=ttyS0,115200";
  QemuMachine machine(
      {.binary = engine.program.path, .accelerator = rung.accelerator, .spec = spec},
      {.scratch = engine.scratch}, {});
  await_probe(machine, rung.patience);
  return measure_slowdown(machine, Deadline::after(k_measure_time));
}

Capabilities QemuDriver::capabilities() const {
  Capabilities capabilities{
      .machine = true, .fork = true, .network = true, .ethernet = true, .terminal = true};
  const Result<bool> emulated =
      catch_error([this] { return engine().choice.accelerator.name == "tcg"; });
  // Emulation's `max` processor offers SVM.
  capabilities.nested = emulated && (*emulated || kvm_nests());
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
                .cabled = !cables.empty()};
  if (spec.save_directory)
    launch.ram_file = RamFile{*spec.save_directory / k_ram_file, true};
  return launch;
}

/// A machine that will be saved writes to a disk of its own, which is saved with it.
void QemuDriver::give_disk(Launch& launch, Deadline deadline, const CancelToken& cancel) const {
  MachineSpec& spec = launch.spec;
  if (!spec.disk || !spec.save_directory)
    return;
  const fs::path disk = *spec.save_directory / k_disk_file;
  create_overlay(disk, *spec.disk, spec.disk_format, deadline, cancel);
  spec.disk = disk;
  spec.disk_format = "qcow2";
  launch.keep_disk_writes = true;
}

std::unique_ptr<Machine> QemuDriver::boot(const MachineSpec& spec, const BootOptions& options,
                                          Deadline deadline, const CancelToken& cancel) {
  try {
    Launch launch = this->launch(spec, options.cables);
    give_disk(launch, deadline, cancel);
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
    give_disk(launch, deadline, cancel);
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
