#include "runner/remote_access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/env/run_together.hpp"
#include "harness/guest/login.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {
namespace {

constexpr std::chrono::minutes k_key_time{1};
constexpr const char* k_programs[] = {"ssh", "scp", "sftp"};

std::vector<MachineAccess> machines_seen_from(const Topology& topology, const std::string& viewer) {
  std::vector<MachineAccess> machines;
  for (const TopologyMachine& machine : topology.machines) {
    MachineAccess access;
    access.name = machine.name;
    access.address = address_of(topology, machine.name, viewer);
    access.user = machine.user;
    access.host = access.address.empty() ? machine.name : access.address;
    machines.push_back(std::move(access));
  }
  return machines;
}

/// The public half; the private one is `path`.
std::string make_key(const fs::path& path, const CancelToken& cancel) {
  run_checked({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "nestbox", "-f",
                        path.string()}},
              Deadline::after(k_key_time), cancel);
  return read_file(path.string() + ".pub", kibibytes(16));
}

/// Programs that find the machines by their names.
void write_programs(const fs::path& directory, const std::string& config) {
  fs::create_directories(directory);
  for (const char* name : k_programs)
    if (const std::optional<fs::path> real = find_program(name)) {
      write_whole(directory / name, fmt::format("#!/bin/sh\nexec {} \"$@\"\n",
                                                shell_quote({real->string(), "-F", config})));
      fs::permissions(directory / name, fs::perms::owner_all);
    }
}

}  // namespace

RemoteAccess::RemoteAccess(World& world, const DrivingPlace& place, Deadline deadline,
                           const CancelToken& cancel)
    : m_place(place), m_machines(machines_seen_from(world.topology(), place.name)) {
  const auto lets_in = [](const MachineAccess& machine) { return !machine.user.empty(); };
  if (std::none_of(m_machines.begin(), m_machines.end(), lets_in))
    return;
  const std::string directory = m_place.machine.workspace() + "/ssh";
  m_files = {directory + "/id", directory + "/known_hosts", directory + "/config"};
  const TemporaryDirectory staging("nestbox-ssh");
  std::string known_hosts;
  enter_machines(world, make_key(staging.path() / "id", cancel), known_hosts, deadline, cancel);
  write_whole(staging.path() / "known_hosts", known_hosts);
  write_whole(staging.path() / "config", ssh_config(m_machines, m_files));
  put_files(staging.path(), deadline, cancel);
}

void RemoteAccess::enter_machines(World& world, const std::string& public_key,
                                  std::string& known_hosts, Deadline deadline,
                                  const CancelToken& cancel) {
  std::mutex mutex;
  std::vector<CancellableTask> tasks;
  for (MachineAccess& access : m_machines) {
    if (access.user.empty())
      continue;
    tasks.push_back([&, deadline](const CancelToken& stop) {
      Machine& machine = world.machine(access.name);
      const std::vector<std::string> keys =
          set_up_login(machine, access.user, public_key, deadline, stop);
      if (world.owns(m_place.name))
        start_ssh_server(machine, deadline, stop);
      const std::lock_guard lock(mutex);
      for (const std::string& key : keys)
        known_hosts += access.name + ' ' + key + '\n';
      if (m_place.on_host) {
        access.host = "127.0.0.1";
        access.port = m_forwardings.emplace_back(machine, ssh_connection_server()).port();
      } else if (!world.owns(m_place.name)) {
        access.host = access.name;
        access.by_verb = true;
      }
    });
  }
  run_together(tasks, cancel);
}

void RemoteAccess::put_files(const fs::path& staging, Deadline deadline,
                             const CancelToken& cancel) {
  std::vector<std::string> files = {"id", "id.pub", "known_hosts", "config"};
  Transport& transport = m_place.machine.transport();
  const std::string directory = fs::path(m_files.ssh_config).parent_path();
  if (m_place.on_host) {
    m_programs = directory + "/bin";
    write_programs(staging / "bin", m_files.ssh_config);
    for (const char* name : k_programs)
      if (fs::exists(staging / "bin" / name))
        files.push_back(std::string("bin/") + name);
  } else {
    // The machine is the test's own, and so is its root's configuration.
    transport.put(staging, {"config"}, "/root/.ssh", deadline, cancel);
  }
  transport.put(staging, files, directory, deadline, cancel);
}

std::map<std::string, std::string>
RemoteAccess::variables(const std::map<std::string, ExposedVariable>& exposed) const {
  std::map<std::string, std::string> variables;
  if (!m_files.ssh_config.empty())
    variables.emplace("NESTBOX_SSH_CONFIG", m_files.ssh_config);
  std::vector<MachineAccess> driven = m_machines;
  std::erase_if(driven,
                [this](const MachineAccess& machine) { return machine.name == m_place.name; });
  for (const auto& [name, variable] : exposed)
    variables[name] = value_of(variable, m_machines, driven, m_files);
  return variables;
}

}  // namespace nestbox
