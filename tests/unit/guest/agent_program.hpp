#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "harness/base/scope.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::test {

/// The very agent program, as an ordinary process of this host that leaves the host's identity
/// alone.
struct AgentProgram {
  FileDescriptor socket;  ///< the host's end; closing it ends the agent
  Process process;
};
/// `calls`: where its programs call the host; empty: they cannot.
AgentProgram start_agent(const std::string& calls = {});

/// Serves its standard input and output (`--stdio`), with this environment.
AgentProgram start_piped_agent(const std::map<std::string, std::string>& environment);

/// A connection to the unix socket at `path`, as a program that calls the host makes it.
FileDescriptor connect_to(const std::string& path);

/// One end of the protocol by hand: for playing the host to an agent or the agent to a host.
class RawPeer {
public:
  struct Message {
    FrameType type{};
    std::uint32_t stream = 0;
    std::string payload;
    bool operator==(const Message&) const = default;
  };

  explicit RawPeer(FileDescriptor socket) : m_socket(std::move(socket)) {}

  void send_bytes(std::string_view bytes);
  void send(FrameType type, std::uint32_t stream, std::string_view payload = {});
  void say_hello(char nonce_byte);

  /// The next frame; nothing at the end of the connection or after ten seconds.
  std::optional<Message> next();
  /// The next frame of this type, others passed over.
  std::optional<Message> next(FrameType type);
  void close() { m_socket.close(); }

private:
  FileDescriptor m_socket;
  FrameDecoder m_decoder;
};

}  // namespace nestbox::test
