#include "harness/guest/ssh_machine.hpp"

#include "harness/base/error.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/agent_transport.hpp"
#include "harness/guest/lease_terms.hpp"
#include "harness/guest/powershell_command.hpp"
#include "harness/guest/powershell_transport.hpp"

namespace nestbox {

namespace {

using namespace std::chrono_literals;

constexpr int k_no_agent_exit_code = 98;
/// How long a host may take to end what runs there and remove the workspace.
constexpr std::chrono::seconds k_farewell = 30s;

constexpr std::size_t k_longest_line = 4096;

std::string directory_of(const SshMachineOptions& options) {
  if (!options.directory.empty())
    return options.directory;
  return options.windows ? "C:\\nestbox" : ".cache/nestbox";
}

/// What a program said last, in one line.
std::string last_words(const std::string& diagnostics) {
  const std::vector<std::string> lines = split(std::string(trim(diagnostics)), '\n');
  return printable(lines.back());
}

Error cannot_serve(const std::string& host, const SshMachineOptions& options,
                   const SshCommand::End& end) {
  std::string why = last_words(end.diagnostics);
  if (why.empty())
    why = end.code ? describe(ExitStatus{*end.code, 0}) : "the connection ended";
  if (options.windows)
    return Error(ErrorCode::infrastructure, "cannot lease " + host + ": " + why,
                 "it needs Windows 10 or Server 2019, or later, with PowerShell 5.1 and '"
                     + directory_of(options) + "' there writable");
  return Error(ErrorCode::infrastructure, "cannot start the agent on " + host + ": " + why,
               "it needs Linux on x86-64, and '.cache/nestbox' there on a file system that "
               "programs may be run from");
}

void bring_agent(SshSession& session, const SshMachineOptions& options, const std::string& host,
                 Deadline deadline, const CancelToken& cancel) {
  const std::string_view agent = agent_binary();
  const Captured done =
      session.run(ssh_upload_command(options, agent.size()), agent, deadline, cancel);
  if (!done.status.success())
    throw Error(ErrorCode::infrastructure,
                "cannot bring the agent to " + host + ": " + last_words(done.diagnostics));
}

std::string ask_workspace(Transport& transport, Deadline deadline, const CancelToken& cancel) {
  std::string path;
  const CommandIo io = {
      .output = [&](OutputStream, std::string_view bytes) { path.append(bytes, 0, 4096); }};
  transport.run({.argv = {"printenv", k_workspace_variable}}, io, deadline, cancel);
  if (!path.starts_with('/') || !path.ends_with('\n'))
    throw Error(ErrorCode::infrastructure,
                "the agent does not say where its workspace is: '" + printable(path) + "'");
  path.pop_back();
  return path;
}

/// Blocks until the lease's script has said where its workspace is, or how it ended without.
std::optional<SshCommand::End> await_workspace(SshCommand& command, std::string& workspace,
                                               Deadline deadline, const CancelToken& cancel) {
  while (true) {
    if (std::optional<SshCommand::End> end = command.await_output(deadline, cancel))
      return end;
    const std::string_view said = command.output();
    const std::string_view line = ScriptHead().take(said);
    if (line.ends_with('\n')) {
      workspace = trim(line);
      return std::nullopt;
    }
    if (said.size() > k_longest_line)
      throw Error(ErrorCode::infrastructure,
                  "the machine does not say where its workspace is: '" + printable(said) + "'");
  }
}

WindowsLease windows_lease(std::string workspace) {
  const std::string parent = workspace.substr(0, workspace.find_last_of('\\') + 1);
  return {std::move(workspace), parent + "commands"};
}

}  // namespace

std::string ssh_agent_path(const SshMachineOptions& options) {
  return directory_of(options) + "/agents/" + std::string(agent_digest());
}

std::string ssh_serve_command(const SshMachineOptions& options) {
  const std::string agent = ssh_agent_path(options);
  std::vector<std::string> argv = {"/bin/sh", "-c", "test -x \"$0\" || exit 98; exec \"$@\"",
                                   agent};
  if (options.sudo)
    argv.insert(argv.end(), {"sudo", "-n", "--"});
  argv.insert(argv.end(), {agent, "--stdio", "--lease", directory_of(options), options.holder});
  return "exec " + shell_quote(argv);
}

std::string ssh_upload_command(const SshMachineOptions& options, std::size_t size) {
  // A broken connection looks like the end of the file, so it is weighed before it counts.
  constexpr const char* k_script =
      "umask 022; mkdir -p \"${0%/*}\" && cat > \"$0.$$\" && test $(wc -c < \"$0.$$\") -eq \"$1\""
      " && chmod 755 \"$0.$$\" && mv -f \"$0.$$\" \"$0\" || { rm -f \"$0.$$\"; exit 1; }";
  return "exec "
         + shell_quote({"/bin/sh", "-c", k_script, ssh_agent_path(options), std::to_string(size)});
}

std::unique_ptr<SshMachine> SshMachine::lease(MachineSpec spec, const SshEndpoint& endpoint,
                                              const SshMachineOptions& options,
                                              std::string& held_by, Deadline deadline,
                                              const CancelToken& cancel) {
  const std::string host = "ssh host '" + to_string(endpoint) + "'";
  SshSession session(endpoint, deadline, cancel);
  const std::string fingerprint = session.fingerprint();
  spec.windows = options.windows;
  const WindowsShell shell =
      options.windows ? ask_windows_shell(session, host, deadline, cancel) : WindowsShell::cmd;
  const std::string script =
      options.windows ? lease_script(directory_of(options), options.holder) : "";
  for (bool brought = false;; brought = true) {
    SshCommand command(session,
                       options.windows ? powershell_command_line(shell, script.size())
                                       : ssh_serve_command(options),
                       deadline, cancel);
    command.begin_input(script);
    std::string workspace;
    const std::optional<SshCommand::End> end =
        options.windows ? await_workspace(command, workspace, deadline, cancel)
                        : command.await_output(deadline, cancel);
    if (!end) {
      Serve serve = [&](FileDescriptor streams) {
        return serve_by_agent(std::move(streams), deadline, cancel);
      };
      if (options.windows)
        serve = [&](FileDescriptor streams) {
          WindowsPlace place{endpoint, shell, windows_lease(workspace)};
          // Whoever it was that we met is met again.
          place.endpoint.host_key = {.fingerprint = fingerprint};
          return Served{make_powershell_transport(std::move(place), std::move(streams)), workspace};
        };
      return std::unique_ptr<SshMachine>(
          new SshMachine(std::move(spec), options, std::move(session), std::move(command), serve));
    }
    if (end->code == k_leased_exit_code) {
      held_by = last_words(end->diagnostics);
      return nullptr;
    }
    if (options.windows || end->code != k_no_agent_exit_code || brought)
      throw cannot_serve(host, options, *end);
    bring_agent(session, options, host, deadline, cancel);
  }
}

SshMachine::Served SshMachine::serve_by_agent(FileDescriptor streams, Deadline deadline,
                                              const CancelToken& cancel) {
  Served served{make_agent_transport(std::move(streams)), {}};
  served.transport->ping(deadline, cancel);
  served.workspace = ask_workspace(*served.transport, deadline, cancel);
  return served;
}

SshMachine::SshMachine(MachineSpec spec, const SshMachineOptions& options, SshSession session,
                       SshCommand command, const Serve& serve)
    : m_spec(std::move(spec)), m_driver(options.driver), m_addresses(options.addresses),
      m_session(std::move(session)), m_command(std::move(command)) {
  SocketPair pair;
  m_thread = std::thread([this, socket = std::move(pair.theirs)]() mutable {
    const FileDescriptor carried = std::move(socket);
    carry(carried);
  });
  ScopeExit rollback([this] {
    m_stop.cancel();
    m_thread.join();
  });
  Served served = serve(std::move(pair.ours));
  m_transport = std::move(served.transport);
  m_workspace = std::move(served.workspace);
  rollback.dismiss();
}

SshMachine::~SshMachine() {
  {
    const std::scoped_lock lock(m_mutex);
    m_dropped = true;
  }
  m_transport.reset();
  // The host says goodbye once all is removed there; then the next lease finds it free.
  if (wait_readable(m_ended.token().descriptor(), Deadline::after(k_farewell)) != Wait::ready)
    m_stop.cancel();
  m_thread.join();
}

/// The life of our thread.
void SshMachine::carry(const FileDescriptor& socket) {
  m_command.carry(socket, m_stop.token());
  {
    const std::scoped_lock lock(m_mutex);
    if (!m_dropped) {
      m_condition = Condition::lost;
      if (m_on_end)
        m_on_end(m_condition);
    }
  }
  m_ended.cancel();
}

Condition SshMachine::condition() {
  const std::scoped_lock lock(m_mutex);
  return m_condition;
}

void SshMachine::on_end(std::function<void(Condition)> handler) {
  const std::scoped_lock lock(m_mutex);
  m_on_end = std::move(handler);
  if (m_on_end && m_condition != Condition::running)
    m_on_end(m_condition);
}

Snapshot SshMachine::save(Deadline) {
  throw Error(ErrorCode::unsupported, "driver '" + m_driver + "' cannot save a running machine");
}

}  // namespace nestbox
