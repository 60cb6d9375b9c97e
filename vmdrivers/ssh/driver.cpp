#include "vmdrivers/ssh/driver.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/ssh_machine.hpp"
#include "vmdrivers/ssh/host_pool.hpp"
#include "vmdrivers/ssh/settings.hpp"

namespace nestbox::ssh {

namespace {

Error cannot_fork() {
  return Error(ErrorCode::unsupported, "driver 'ssh' cannot fork a running machine",
               "its machines are hosts that exist; choose another driver with '--driver'");
}

/// Who holds a host, for whoever finds it held.
std::string holder() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return std::string(name.data()) + " (nestbox, process " + std::to_string(::getpid()) + ")";
}

class SshDriver final : public Driver {
public:
  std::string_view name() const override { return "ssh"; }

  Capabilities capabilities() const override {
    // A mistake in the settings is told by who uses them.
    const std::vector<Host> hosts = catch_error(load_settings).value_or(std::vector<Host>{});
    const auto is_windows = [](const Host& host) { return host.windows; };
    return {.boots = Boots::host,
            .machine = true,
            .network = true,
            .terminal = true,
            .linux_machines = hosts.empty() || !std::ranges::all_of(hosts, is_windows),
            .windows_machines = std::ranges::any_of(hosts, is_windows)};
  }

  Availability availability() override {
    const std::vector<Host> hosts = load_settings();
    if (hosts.empty())
      return {.reason = "no hosts are named in '" + settings_file().string() + "'",
              .hint = "write there, for instance: hosts: {lab1: {address: lab1.example.org}}"};
    std::vector<std::string> names;
    for (const Host& host : hosts)
      names.push_back(host.name);
    return {.available = true,
            .reason = (hosts.size() == 1 ? "host " : "hosts ") + join(names, ", "),
            .acceleration = "native"};
  }

  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions&, Deadline deadline,
                                const CancelToken& cancel) override {
    std::vector<Host> hosts = load_settings();
    if (hosts.empty())
      throw Error(ErrorCode::unsupported, availability().reason, availability().hint);
    std::erase_if(hosts, [&](const Host& host) { return host.windows != spec.windows; });
    if (hosts.empty())
      throw Error(ErrorCode::unsupported, std::string("no host of ")
                                              + (spec.windows ? "Windows" : "Linux")
                                              + " is named in '" + settings_file().string() + "'");
    HostPool pool(state_directory() / "ssh");
    std::vector<Error> refusals;
    while (!hosts.empty()) {
      std::vector<std::string> names;
      for (const Host& host : hosts)
        names.push_back(host.name);
      HostPool::Lease lease = pool.take(names, deadline, cancel);
      const auto chosen = std::ranges::find(hosts, lease.host(), &Host::name);
      const Host host = *chosen;
      hosts.erase(chosen);
      Result<std::unique_ptr<SshMachine>> machine =
          catch_error([&] { return lease_host(host, spec, deadline, cancel); });
      if (machine) {
        (*machine)->keep(std::make_shared<HostPool::Lease>(std::move(lease)));
        return std::move(*machine);
      }
      if (machine.error().code == ErrorCode::cancelled)
        throw machine.error();
      refusals.push_back(machine.error());
      log(LogLevel::warning, "passing over host '" + host.name + "': " + machine.error().message);
    }
    throw none_left(spec, refusals);
  }

  std::unique_ptr<Machine> fork(const Snapshot&, const ForkOptions&, Deadline,
                                const CancelToken&) override {
    throw cannot_fork();
  }

  std::string snapshot_key() override { return "ssh"; }
  double slowdown() override { return 1.0; }

private:
  static std::unique_ptr<SshMachine> lease_host(const Host& host, const MachineSpec& spec,
                                                Deadline deadline, const CancelToken& cancel) {
    std::string held_by;
    std::unique_ptr<SshMachine> machine = SshMachine::lease(spec, host.endpoint,
                                                            {.holder = holder(),
                                                             .directory = host.directory,
                                                             .sudo = host.sudo,
                                                             .windows = host.windows},
                                                            held_by, deadline, cancel);
    if (!machine)
      throw Error(ErrorCode::infrastructure,
                  "host '" + host.name + "' is leased to " + printable(held_by));
    return machine;
  }

  static Error none_left(const MachineSpec& spec, const std::vector<Error>& refusals) {
    const std::string during = "booting machine '" + spec.name + "' (driver ssh)";
    if (refusals.size() == 1)
      return Error(ErrorCode::infrastructure, refusals[0].message, refusals[0].hint).during(during);
    std::vector<std::string> reasons;
    for (const Error& refusal : refusals)
      reasons.push_back(refusal.message);
    return Error(ErrorCode::infrastructure, "no host can be had: " + join(reasons, "; "))
        .during(during);
  }
};

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings&) {
  return std::make_unique<SshDriver>();
}

}  // namespace nestbox::ssh
