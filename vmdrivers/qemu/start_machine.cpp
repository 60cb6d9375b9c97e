#include "vmdrivers/qemu/start_machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/variables.hpp"
#include "vmdrivers/qemu/qemu_process.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::qemu {
namespace {

/// Ours, but that QEMU's own temporary files go where we can sweep them.
std::map<std::string, std::string> qemu_environment(const fs::path& scratch) {
  std::map<std::string, std::string> environment = own_variables_to_share();
  environment["TMPDIR"] = scratch.string();
  return environment;
}

std::vector<QmpClient::Command> first_commands(bool restore) {
  std::vector<QmpClient::Command> commands = {{"qmp_capabilities"}};
  if (restore) {
    commands.push_back({"migrate-set-capabilities", migration_capabilities()});
    commands.push_back({"migrate-incoming", {{"uri", "fd:" + std::to_string(k_state_descriptor)}}});
  }
  return commands;
}

}  // namespace

std::unique_ptr<QemuMachine> start_machine(const Launch& launch, const Start& start,
                                           const fs::path& scratch) {
  SocketPair agent;
  SocketPair qmp;
  SocketPair console;
  SocketPair diagnostics;
  ProcessSpec spec{.argv = make_argv(launch), .environment = qemu_environment(scratch)};
  spec.descriptors = {{STDERR_FILENO, diagnostics.theirs.get()},
                      {k_agent_descriptor, agent.theirs.get()},
                      {k_qmp_descriptor, qmp.theirs.get()},
                      {k_console_descriptor, console.theirs.get()}};
  FileDescriptor state;
  if (start.state) {
    state = open_file(*start.state, O_RDONLY);
    spec.descriptors[k_state_descriptor] = state.get();
  }
  for (int descriptor = k_first_cable_descriptor; const int cable : start.cables)
    spec.descriptors[descriptor++] = cable;
  FileDescriptor watched = duplicate(agent.ours.get());
  auto qemu = std::make_unique<QemuProcess>(
      Process::spawn(spec), QemuConnections{std::move(qmp.ours), std::move(console.ours),
                                            std::move(diagnostics.ours), std::move(watched)});
  // A QEMU that has ended already is reported by await_agent, which knows more.
  static_cast<void>(
      catch_error([&] { qemu->qmp().post(first_commands(start.state.has_value())); }));
  return std::make_unique<QemuMachine>(start, "qemu", std::move(qemu), std::move(agent.ours));
}

}  // namespace nestbox::qemu
