#pragma once

#include <memory>
#include <optional>
#include <string>

#include "harness/guest/ssh_session.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// A command that keeps running on the host; it ends with this object, or finds its stdin at its
/// end then. The session must outlive it and do nothing else.
class SshCommand {
public:
  /// How it ended, as far as the host told.
  struct End {
    std::optional<int> code{};  ///< nothing: by a signal, or with the connection
    std::string diagnostics{};  ///< the last 4 KiB of its stderr
  };

  /// As SshSession::run begins.
  SshCommand(SshSession& session, const std::string& command_line, Deadline deadline,
             const CancelToken& cancel);
  SshCommand(SshCommand&&) noexcept;
  ~SshCommand();

  /// What its stdin is to begin with; the calls below send it.
  void begin_input(std::string bytes);

  /// Blocks until it has written something more to its stdout: nothing then; or how it ended
  /// without.
  std::optional<End> await_output(Deadline deadline, const CancelToken& cancel);

  /// What it has written there so far; carry and stream hand it on.
  const std::string& output() const noexcept;

  /// Carries bytes between `socket` (connected, ours alone) and the command until the command has
  /// ended, which the end of the socket tells it to; or until told to stop.
  End carry(const FileDescriptor& socket, const CancelToken& stop);

  /// Hands on what it writes and gives it what `io.input` holds, both as CommandIo says, until it
  /// has ended: how it did. Nothing at the deadline or when cancelled; then it goes on, and so does
  /// the next call. What it has left running is waited for no longer than a second.
  std::optional<End> stream(const CommandIo& io, Deadline deadline, const CancelToken& cancel);

private:
  friend class SshSession;
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace nestbox
