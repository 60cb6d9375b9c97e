#include "vmdrivers/libvirt/driver.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>

#include "harness/base/owner.hpp"
#include "vmdrivers/libvirt/leftovers.hpp"
#include "vmdrivers/libvirt/settings.hpp"
#include "vmdrivers/libvirt/start_machine.hpp"
#include "vmdrivers/qemu_base/driver_base.hpp"
#include "vmdrivers/qemu_base/image.hpp"

namespace nestbox::libvirt {
namespace {

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

class LibvirtDriver final : public qemu::DriverBase {
public:
  using DriverBase::DriverBase;

  std::string_view name() const override { return "libvirt"; }
  Availability availability() override;
  std::vector<Leftover> reap(bool dry_run, Deadline, const CancelToken&) override {
    return reap_domains(*connection(), dry_run);
  }

private:
  /// The daemon that machines are had from.
  struct Daemon {
    LibvirtSettings settings;
    std::string version;  ///< of libvirt
    Confinement confinement{};
  };

  std::shared_ptr<Connection> connection();
  Daemon find_daemon();
  std::unique_ptr<qemu::QemuMachine> start(const qemu::Engine& engine, const qemu::Start& start,
                                           Deadline deadline, const CancelToken& cancel) override;
  std::string format() override {
    return fmt::format("libvirt {} xml {}", m_daemon.get().version, k_xml_version);
  }
  std::string choice_file() override {
    return fmt::format("libvirt-{}-accelerator.json",
                       m_daemon.get().settings.system ? "system" : "session");
  }

  DomainNames m_names;
  std::mutex m_mutex;
  std::shared_ptr<Connection> m_connection;
  Lazy<Daemon> m_daemon{[this] { return find_daemon(); }};
};

/// A new one when the daemon was started anew; machines keep the one that they were made through.
std::shared_ptr<Connection> LibvirtDriver::connection() {
  const std::lock_guard lock(m_mutex);
  if (!m_connection || !m_connection->alive())
    m_connection =
        std::make_shared<Connection>(value_or_throw(read_settings(variable, ::geteuid() == 0)).uri);
  return m_connection;
}

LibvirtDriver::Daemon LibvirtDriver::find_daemon() {
  Daemon daemon{.settings = value_or_throw(read_settings(variable, ::geteuid() == 0)),
                .version = connection()->version()};
  // The files and sockets are ours: so is the process that uses them.
  if (daemon.settings.system)
    daemon.confinement.user = fmt::format("+{}:+{}", ::geteuid(), ::getegid());
  daemon.confinement.model = connection()->confinement();
  return daemon;
}

Availability LibvirtDriver::availability() {
  Availability found = DriverBase::availability();
  if (found.available)
    found.reason = fmt::format("libvirt {} at '{}', {}", m_daemon.get().version,
                               m_daemon.get().settings.uri, found.reason);
  else if (found.hint.empty())
    found.hint = "apt-get install libvirt-daemon-system qemu-system-x86, and be in the group "
                 "'libvirt'";
  return found;
}

std::unique_ptr<qemu::QemuMachine> LibvirtDriver::start(const qemu::Engine& engine,
                                                        const qemu::Start& start, Deadline deadline,
                                                        const CancelToken& cancel) {
  DomainLaunch launch{.uuid = new_uuid(),
                      .owner = to_string(this_owner()),
                      .emulator = engine.program.path,
                      .accelerator = engine.choice.accelerator,
                      .confinement = m_daemon.get().confinement,
                      .spec = start.spec,
                      .ram_file = start.ram_file,
                      .restore = start.state.has_value()};
  if (start.spec.disk && !start.spec.save_directory) {
    launch.overlay = engine.scratch / (launch.uuid + ".qcow2");
    qemu::create_overlay(*launch.overlay, *start.spec.disk, start.spec.disk_format, deadline,
                         cancel);
  }
  return start_machine(connection(), m_names, launch, start, cancel);
}

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings& settings) {
  return std::make_unique<LibvirtDriver>(settings);
}

}  // namespace nestbox::libvirt
