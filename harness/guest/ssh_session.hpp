#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// By what a server must prove that it is who we mean.
struct SshHostKey {
  /// "SHA256:…", as `ssh-keygen -l` prints it; empty: looked up in known_hosts.
  std::string fingerprint{};
  /// Empty: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts.
  std::filesystem::path known_hosts{};
  /// Any key will do: for a machine that was made a moment ago and whose key nobody told us.
  bool accept_any = false;

  bool operator==(const SshHostKey&) const = default;
};

/// Where an ssh server is, and who enters how. ~/.ssh/config has no say in it.
struct SshEndpoint {
  std::string address{};  ///< a name or an IP address
  int port = 22;
  std::string user{};  ///< empty: our own name
  /// A private key without a passphrase. Empty: what ssh-agent holds, then ~/.ssh/id_*.
  std::filesystem::path identity{};
  SshHostKey host_key{};

  bool operator==(const SshEndpoint&) const = default;
};

/// "user@host:port", for messages.
std::string to_string(const SshEndpoint& endpoint);

/// A connection to an ssh server, authenticated (libssh). One thread at a time. A peer that has
/// vanished is noticed within a minute.
class SshSession {
public:
  /// Error(lost) while nobody answers there, which for a machine that is starting may change;
  /// Error(infrastructure) when it is not the host we mean or does not let us in; Error(timeout),
  /// Error(cancelled).
  SshSession(const SshEndpoint& endpoint, Deadline deadline, const CancelToken& cancel);
  SshSession(SshSession&&) noexcept;
  SshSession& operator=(SshSession&&) noexcept;
  ~SshSession();

  /// Of the server's key: "SHA256:…".
  const std::string& fingerprint() const noexcept;

  /// Gives `command_line` to the user's login shell, feeds it `input` and keeps what it writes, at
  /// most 1 MiB of each stream. A command that was killed ended with code 255. Error(lost) when
  /// the connection breaks first, Error(timeout), Error(cancelled).
  Captured run(const std::string& command_line, std::string_view input, Deadline deadline,
               const CancelToken& cancel);

private:
  friend class SshCommand;
  struct State;
  std::unique_ptr<State> m_state;
};

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
