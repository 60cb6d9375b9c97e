#pragma once

#include <libssh/libssh.h>
#include <poll.h>

#include "harness/guest/ssh_session.hpp"

namespace nestbox {

/// A session as those see it that speak to libssh: ssh_session.cpp and ssh_command.cpp.
struct SshSession::State {
  struct Free {
    void operator()(ssh_session session) const { ssh_free(session); }
  };
  using Handle = std::unique_ptr<ssh_session_struct, Free>;

  State(const SshEndpoint& endpoint, Deadline deadline, const CancelToken& cancel);

  void configure(const SshEndpoint& endpoint);
  void check_host_key(const SshEndpoint& endpoint);
  void authenticate(const SshEndpoint& endpoint, Deadline deadline, const CancelToken& cancel);
  std::string reason() const;

  /// Waits for what libssh waits for.
  void wait(Deadline deadline, const CancelToken& cancel);
  pollfd entry() const;
  bool blocked() const { return (entry().events & POLLOUT) != 0; }

  /// Asks until libssh needs to wait no more.
  template <class Step>
  int complete(Step step, Deadline deadline, const CancelToken& cancel) {
    while (true) {
      const int result = step();
      if (result != SSH_AGAIN && result != SSH_AUTH_AGAIN)
        return result;
      wait(deadline, cancel);
    }
  }

  std::string what;
  Handle handle{ssh_new()};
  std::string fingerprint;
};

}  // namespace nestbox
