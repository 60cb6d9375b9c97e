#include "vmdrivers/docker_machine/driver.hpp"

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/ssh_machine.hpp"
#include "vmdrivers/docker_machine/created_machine.hpp"
#include "vmdrivers/docker_machine/settings.hpp"

namespace nestbox::docker_machine {

namespace {

using namespace std::chrono_literals;

Error cannot_fork() {
  return Error(ErrorCode::unsupported, "driver 'docker-machine' cannot fork a running machine",
               "it creates machines one by one; choose another driver with '--driver'");
}

class DockerMachineDriver final : public Driver {
public:
  std::string_view name() const override { return "docker-machine"; }

  Capabilities capabilities() const override {
    return {
        .boots = Boots::host, .machine = true, .network = true, .peers = true, .terminal = true};
  }

  Availability availability() override {
    const std::optional<Settings> settings = load_settings();
    if (!settings)
      return {.reason = "there is no '" + settings_file().string() + "'",
              .hint = "write there with which of its drivers machines are created, for instance: "
                      "driver: amazonec2"};
    const Result<Captured> version = catch_error(
        [&] { return run_captured({.argv = version_command(*settings)}, Deadline::after(10s)); });
    if (!version || !version->status.success())
      return {.reason = "'" + join(settings->program, " ") + "' cannot be run",
              .hint = "install docker-machine, or say where it is with 'program' in '"
                      + settings_file().string() + "'"};
    return {.available = true,
            .reason = printable(trim(version->output)) + ", driver " + settings->driver,
            .acceleration = "native"};
  }

  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions&, Deadline deadline,
                                const CancelToken& cancel) override {
    try {
      return create(spec, deadline, cancel);
    } catch (const Error& error) {
      throw error.during("booting machine '" + spec.name + "' (driver docker-machine)");
    }
  }

  std::unique_ptr<Machine> fork(const Snapshot&, const ForkOptions&, Deadline,
                                const CancelToken&) override {
    throw cannot_fork();
  }

  std::string snapshot_key() override { return "docker-machine"; }
  double slowdown() override { return 1.0; }

  std::vector<Leftover> reap(bool dry_run, Deadline deadline, const CancelToken& cancel) override {
    const std::optional<Settings> settings = load_settings();
    return settings ? reap_noted(*settings, notes(), dry_run, deadline, cancel)
                    : std::vector<Leftover>();
  }

private:
  static fs::path notes() { return state_directory() / "docker-machine" / "created"; }

  static std::unique_ptr<Machine> create(const MachineSpec& spec, Deadline deadline,
                                         const CancelToken& cancel) {
    const std::optional<Settings> settings = load_settings();
    if (!settings)
      throw Error(ErrorCode::unsupported, "there is no '" + settings_file().string() + "'");
    auto created = std::make_shared<CreatedMachine>(*settings, notes(), deadline, cancel);
    const auto [endpoint, addresses] = created->describe(deadline, cancel);
    const SshMachineOptions options{.driver = "docker-machine",
                                    .holder = "nestbox",
                                    .directory = settings->directory,
                                    .sudo = settings->sudo && endpoint.user != "root",
                                    .addresses = addresses};
    std::string held_by;
    auto machine = SshMachine::lease(spec, endpoint, options, held_by, deadline, cancel);
    if (!machine)
      throw Error(ErrorCode::infrastructure,
                  "the new machine '" + created->name() + "' is in use already");
    machine->keep(std::move(created));
    return machine;
  }
};

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings&) {
  return std::make_unique<DockerMachineDriver>();
}

}  // namespace nestbox::docker_machine
