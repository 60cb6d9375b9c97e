#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "harness/base/clock.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/guest/ssh_endpoint.hpp"

namespace nestbox {

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

}  // namespace nestbox
