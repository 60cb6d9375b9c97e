#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/guest/ssh_command.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox {

struct SshMachineOptions {
  std::string driver = "ssh";  ///< for messages
  std::string holder{};        ///< who leases it, for whoever finds it leased
  /// Where, on the host, the agent is kept and machines have their workspace: absolute, or below
  /// the user's home. Empty: ".cache/nestbox", on Windows "C:\nestbox".
  std::string directory{};
  bool sudo = false;  ///< commands run as root, through `sudo -n`; not on Windows
  std::vector<std::string> addresses{};  ///< Machine::addresses
  bool windows = false;                  ///< commands run by PowerShell
};

/// The command lines that SshMachine gives to a login shell; pure.
std::string ssh_agent_path(const SshMachineOptions& options);
std::string ssh_serve_command(const SshMachineOptions& options);
std::string ssh_upload_command(const SshMachineOptions& options, std::size_t size);

/// A host reached over ssh, as a machine. On Linux the agent is brought there once (it is kept by
/// its digest) and serves us over the connection, for as long as we hold the host's lease; on
/// Windows a script holds the lease, and commands run beside it (powershell_transport). Whatever
/// becomes of us, the host ends our commands and removes our workspace as soon as the connection
/// ends.
class SshMachine : public Machine {
public:
  /// Nothing, and `held_by` says who has it, while somebody else holds the lease. Error(lost),
  /// Error(infrastructure), Error(timeout), Error(cancelled): see SshSession.
  static std::unique_ptr<SshMachine> lease(MachineSpec spec, const SshEndpoint& endpoint,
                                           const SshMachineOptions& options, std::string& held_by,
                                           Deadline deadline, const CancelToken& cancel);
  ~SshMachine() override;

  /// Drops `belongings` once the machine has ended: what its driver gives back then.
  void keep(std::shared_ptr<void> belongings) { m_belongings = std::move(belongings); }

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return m_workspace; }
  std::vector<std::string> addresses() const override { return m_addresses; }
  Transport& transport() override { return *m_transport; }
  Condition condition() override;
  void on_end(std::function<void(Condition)> handler) override;
  std::string console() const override { return {}; }
  Bytes private_memory() const override { return {}; }
  void resume() override {}
  Snapshot save(Deadline deadline) override;

private:
  /// What the lease's command brings us to, on the other side of its streams.
  struct Served {
    std::unique_ptr<Transport> transport;
    std::string workspace;
  };
  using Serve = std::function<Served(FileDescriptor streams)>;

  SshMachine(MachineSpec spec, const SshMachineOptions& options, SshSession session,
             SshCommand command, const Serve& serve);
  static Served serve_by_agent(FileDescriptor streams, Deadline deadline,
                               const CancelToken& cancel);
  void carry(const FileDescriptor& socket);

  std::shared_ptr<void> m_belongings;
  MachineSpec m_spec;
  std::string m_driver;
  std::vector<std::string> m_addresses;
  SshSession m_session;
  SshCommand m_command;
  std::unique_ptr<Transport> m_transport;
  std::string m_workspace;
  CancelSource m_stop;
  CancelSource m_ended;
  std::mutex m_mutex;  ///< held while the handler is called
  Condition m_condition = Condition::running;
  bool m_dropped = false;
  std::function<void(Condition)> m_on_end;
  std::thread m_thread;
};

}  // namespace nestbox
