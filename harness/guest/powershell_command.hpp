#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/guest/powershell_script.hpp"
#include "harness/guest/ssh_command.hpp"

namespace nestbox {

/// Asks which shell runs the session's command lines. Error(infrastructure) when it is a Unix one;
/// and what SshSession::run throws.
WindowsShell ask_windows_shell(SshSession& session, const std::string& host, Deadline deadline,
                               const CancelToken& cancel);

/// Takes "nestbox PID\r\n" off the front of a script's output. Foreign bytes never make it keep
/// more than that.
class ScriptHead {
public:
  /// What of `bytes` comes after it. Error(corrupt) when there is something else.
  std::string_view take(std::string_view bytes);

  /// Once it has come.
  std::optional<unsigned> process() const { return m_process; }

private:
  std::string m_line;
  std::optional<unsigned> m_process;
};

/// A script that runs on a Windows machine, as SshCommand is a command line that does. The session
/// must outlive it and do nothing else.
class PowershellCommand {
public:
  /// As SshCommand begins.
  PowershellCommand(SshSession& session, WindowsShell shell, std::string_view script,
                    Deadline deadline, const CancelToken& cancel);

  /// As SshCommand::stream, without the head.
  std::optional<SshCommand::End> stream(const CommandIo& io, Deadline deadline,
                                        const CancelToken& cancel);

  /// Blocks until its process is known, or it has ended without having said so: nothing then, as at
  /// the deadline.
  std::optional<unsigned> await_process(const CommandIo& io, Deadline deadline);

private:
  CommandIo without_head(const CommandIo& io);

  SshCommand m_command;
  ScriptHead m_head;
  std::optional<SshCommand::End> m_end;  ///< when await_process found it
  CancelSource m_begun;
};

}  // namespace nestbox
