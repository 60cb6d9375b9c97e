#include "vmdrivers/libvirt/driver.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/owner.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/libvirt/leftovers.hpp"
#include "vmdrivers/libvirt/machine.hpp"
#include "vmdrivers/libvirt/settings.hpp"
#include "vmdrivers/qemu_base/accelerator.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/image.hpp"
#include "vmdrivers/qemu_base/probe.hpp"
#include "vmdrivers/qemu_base/program.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"
#include "vmdrivers/qemu_base/scratch.hpp"

namespace nestbox::libvirt {
namespace {

/// A clone that lives answers within a second, also on a host with much to do.
constexpr std::chrono::seconds k_fork_patience(30);

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

/// Random (RFC 4122, version 4).
std::string new_uuid() {
  std::random_device random;
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:08x}{:04x}", random(), random() & 0xffff,
                     random() & 0xfff, (random() & 0x3fff) | 0x8000, random(), random() & 0xffff);
}

class LibvirtDriver final : public Driver {
public:
  explicit LibvirtDriver(const DriverSettings& settings) : m_settings(settings) {}

  std::string_view name() const override { return "libvirt"; }
  Capabilities capabilities() const override;
  Availability availability() override;
  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::string snapshot_key() override;
  double slowdown() override { return engine().choice.slowdown; }
  std::vector<Leftover> reap(bool dry_run, Deadline, const CancelToken&) override {
    return reap_domains(*connection(), dry_run);
  }

private:
  /// What runs the machines; found at the first need.
  struct Engine {
    std::string uri;
    std::string version;  ///< of libvirt
    qemu::Program program;
    Confinement confinement{};
    fs::path scratch;
    qemu::AcceleratorChoice choice{};
  };

  std::shared_ptr<Connection> connection() const;
  const Engine& engine() const;
  Engine find_engine() const;
  DomainLaunch launch(const Engine& engine, const MachineSpec& spec,
                      const std::vector<int>& cables) const;
  void give_disk(DomainLaunch& launch, Deadline deadline, const CancelToken& cancel) const;
  double probe(const Engine& engine, const qemu::Rung& rung, const MachineSpec& guest) const;

  DriverSettings m_settings;
  mutable DomainNames m_names;
  mutable std::mutex m_connection_mutex;
  mutable std::shared_ptr<Connection> m_connection;
  mutable std::mutex m_engine_mutex;
  mutable std::optional<Result<Engine>> m_engine;
};

/// A new one when the daemon was started anew; machines keep the one that they were made through.
std::shared_ptr<Connection> LibvirtDriver::connection() const {
  const std::lock_guard lock(m_connection_mutex);
  if (!m_connection || !m_connection->alive())
    m_connection =
        std::make_shared<Connection>(value_or_throw(read_settings(variable, ::geteuid() == 0)).uri);
  return m_connection;
}

const LibvirtDriver::Engine& LibvirtDriver::engine() const {
  const std::lock_guard lock(m_engine_mutex);
  if (!m_engine)
    m_engine = catch_error([this] { return find_engine(); });
  if (!*m_engine)
    throw m_engine->error();
  return **m_engine;
}

LibvirtDriver::Engine LibvirtDriver::find_engine() const {
  const LibvirtSettings settings = value_or_throw(read_settings(variable, ::geteuid() == 0));
  const std::shared_ptr<Connection> connection = this->connection();
  const fs::path cache = cache_directory();
  Engine engine{.uri = settings.uri,
                .version = connection->version(),
                .program = value_or_throw(qemu::find_program(cache / "qemu.json")),
                .scratch = qemu::swept_scratch()};
  // The files and sockets are ours: so is the process that uses them.
  if (settings.system)
    engine.confinement.user = fmt::format("+{}:+{}", ::geteuid(), ::getegid());
  engine.confinement.model = connection->confinement();
  engine.choice = qemu::chosen_accelerator(
      cache / fmt::format("libvirt-{}-accelerator.json", settings.system ? "system" : "session"),
      m_settings,
      fmt::format("{} libvirt {} xml {}", engine.program.digest, engine.version, k_xml_version),
      [&](const qemu::Rung& rung, const MachineSpec& guest) { return probe(engine, rung, guest); });
  return engine;
}

double LibvirtDriver::probe(const Engine& engine, const qemu::Rung& rung,
                            const MachineSpec& guest) const {
  DomainLaunch launch = this->launch(engine, guest, {});
  launch.accelerator = rung.accelerator;
  DomainMachine machine(connection(), m_names, std::move(launch), {}, {});
  qemu::await_probe(
      machine, [&](const Error& symptom) { return machine.cause(symptom); }, rung.patience);
  return qemu::measure_slowdown(machine);
}

Capabilities LibvirtDriver::capabilities() const {
  Capabilities capabilities{
      .machine = true, .fork = true, .network = true, .ethernet = true, .terminal = true};
  const Result<bool> nested =
      catch_error([this] { return qemu::nests(engine().choice.accelerator); });
  capabilities.nested = nested.value_or(false);
  return capabilities;
}

Availability LibvirtDriver::availability() {
  const Result<const Engine*> found = catch_error([this] { return &engine(); });
  if (!found) {
    const Error& error = found.error();
    return {.reason = error.message,
            .hint = error.hint.empty() ? "apt-get install libvirt-daemon-system qemu-system-x86, "
                                         "and be in the group 'libvirt'"
                                       : error.hint};
  }
  const Engine& engine = **found;
  return {true,
          fmt::format("libvirt {} at '{}', qemu-system-x86_64 {}, {}", engine.version, engine.uri,
                      engine.program.version, qemu::describe(engine.choice)),
          {},
          engine.choice.accelerator.name,
          qemu::explain(engine.choice)};
}

std::string LibvirtDriver::snapshot_key() {
  const Engine& engine = this->engine();
  return fmt::format("libvirt {} xml {}\nqemu {} {}\naccelerator {} {}\nhost cpu {}\n",
                     engine.version, k_xml_version, engine.program.version, engine.program.digest,
                     engine.choice.accelerator.name, engine.choice.accelerator.cpu_model,
                     sha256(qemu::host_cpu()));
}

DomainLaunch LibvirtDriver::launch(const Engine& engine, const MachineSpec& spec,
                                   const std::vector<int>& cables) const {
  if (!cables.empty() && cables.size() != spec.interfaces.size())
    throw Error(ErrorCode::usage,
                fmt::format("{} cables for {} interfaces", cables.size(), spec.interfaces.size()));
  DomainLaunch launch{.uuid = new_uuid(),
                      .owner = to_string(this_owner()),
                      .emulator = engine.program.path,
                      .accelerator = engine.choice.accelerator,
                      .confinement = engine.confinement,
                      .spec = spec};
  if (spec.save_directory)
    launch.ram_file = qemu::RamFile{*spec.save_directory / k_ram_file, true};
  return launch;
}

/// What a machine writes to its disk is saved with it, or thrown away.
void LibvirtDriver::give_disk(DomainLaunch& launch, Deadline deadline,
                              const CancelToken& cancel) const {
  if (!launch.spec.disk)
    return;
  if (launch.spec.save_directory)
    return qemu::give_disk_of_its_own(launch.spec, deadline, cancel);
  launch.overlay = engine().scratch / (launch.uuid + ".qcow2");
  qemu::create_overlay(*launch.overlay, *launch.spec.disk, launch.spec.disk_format, deadline,
                       cancel);
}

std::unique_ptr<Machine> LibvirtDriver::boot(const MachineSpec& spec, const BootOptions& options,
                                             Deadline deadline, const CancelToken& cancel) {
  try {
    DomainLaunch launch = this->launch(engine(), spec, options.cables);
    give_disk(launch, deadline, cancel);
    auto machine = std::make_unique<DomainMachine>(connection(), m_names, std::move(launch),
                                                   StartFiles{.cables = options.cables}, cancel);
    machine->await_agent(deadline);
    return machine;
  } catch (Error& error) {
    if (error.code == ErrorCode::lost)
      error.code = ErrorCode::infrastructure;
    throw error.during("booting machine '" + spec.name + "' (driver libvirt)");
  }
}

std::unique_ptr<Machine> LibvirtDriver::fork(const Snapshot& snapshot, const ForkOptions& options,
                                             Deadline deadline, const CancelToken& cancel) {
  try {
    MachineSpec spec = snapshot.spec;
    spec.name = options.name;
    spec.save_directory = options.save_directory;
    DomainLaunch launch = this->launch(engine(), spec, options.cables);
    launch.restore = true;
    if (spec.save_directory)
      qemu::copy_ram(snapshot.directory / k_ram_file, launch.ram_file->path);
    else
      launch.ram_file = qemu::RamFile{snapshot.directory / k_ram_file, false};
    give_disk(launch, deadline, cancel);
    auto machine =
        std::make_unique<DomainMachine>(connection(), m_names, std::move(launch),
                                        StartFiles{.state = snapshot.directory / qemu::k_state_file,
                                                   .cables = options.cables,
                                                   .paused = options.paused},
                                        cancel);
    if (!options.paused)
      machine->await_agent(earlier(deadline, Deadline::after(k_fork_patience)));
    return machine;
  } catch (const Error& error) {
    throw error.during("forking machine '" + options.name + "' (driver libvirt)");
  }
}

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings& settings) {
  return std::make_unique<LibvirtDriver>(settings);
}

}  // namespace nestbox::libvirt
