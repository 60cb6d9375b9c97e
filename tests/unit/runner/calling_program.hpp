#pragma once

#include <optional>
#include <string>

#include "harness/base/scope.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/guest/verb_protocol.hpp"

namespace nestbox {

/// Plays a program that calls the host.
class CallingProgram {
public:
  /// The host's end of the connection; once.
  FileDescriptor host_end() { return std::move(m_sockets.theirs); }

  /// Bytes of the protocol, or others.
  void send(const std::string& bytes) const;
  void call(std::vector<std::string> argv, const std::string& input = {}) const;
  void hang_up() { m_sockets.ours.close(); }

  /// Reads to the end of the call: what it printed, and its exit code; none when the host hung up
  /// before it had said one.
  std::optional<int> finish();
  const std::string& output() const { return m_output; }

private:
  SocketPair m_sockets;
  std::string m_output;
};

}  // namespace nestbox
