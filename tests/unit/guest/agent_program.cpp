#include "tests/unit/guest/agent_program.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include "harness/base/error.hpp"
#include "harness/base/socket_pair.hpp"

namespace nestbox::test {

AgentProgram start_agent(const std::string& calls) {
  auto [ours, theirs] = SocketPair();
  std::vector<std::string> argv = {NESTBOX_AGENT_PATH, "--serve-fd", "3", "--no-identity"};
  if (!calls.empty())
    argv.insert(argv.end(), {"--calls", calls});
  Process process = Process::spawn({.argv = argv,
                                    .working_directory = {},
                                    .environment = {},
                                    .descriptors = {{2, STDERR_FILENO}, {3, theirs.get()}},
                                    .whole_tree = true});
  return {std::move(ours), std::move(process)};
}

AgentProgram start_piped_agent(const std::map<std::string, std::string>& environment) {
  auto [ours, theirs] = SocketPair();
  Process process =
      Process::spawn({.argv = {NESTBOX_AGENT_PATH, "--stdio"},
                      .working_directory = {},
                      .environment = environment,
                      .descriptors = {{0, theirs.get()}, {1, theirs.get()}, {2, STDERR_FILENO}},
                      .whole_tree = true});
  return {std::move(ours), std::move(process)};
}

FileDescriptor connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  FileDescriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw system_error("cannot connect to '" + path + "'", errno);
  return connection;
}

void RawPeer::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void RawPeer::send(FrameType type, std::uint32_t stream, std::string_view payload) {
  std::string bytes;
  append_frame(bytes, type, stream, payload);
  send_bytes(bytes);
}

void RawPeer::say_hello(char nonce_byte) {
  HelloMessage hello;
  hello.nonce.fill(nonce_byte);
  send(FrameType::hello, 0, encode(hello));
}

std::optional<RawPeer::Message> RawPeer::next() {
  const Deadline deadline = Deadline::after(std::chrono::seconds(10));
  while (true) {
    if (const auto frame = m_decoder.next())
      return Message{frame->type, frame->stream, std::string(frame->payload)};
    if (wait_readable(m_socket.get(), deadline) != Wait::ready)
      return std::nullopt;
    const FrameDecoder::Space space = m_decoder.space();
    const ssize_t count = recv(m_socket.get(), space.data, space.size, 0);
    if (count <= 0)
      return std::nullopt;
    m_decoder.filled(static_cast<std::size_t>(count));
  }
}

std::optional<RawPeer::Message> RawPeer::next(FrameType type) {
  while (auto message = next())
    if (message->type == type)
      return message;
  return std::nullopt;
}

}  // namespace nestbox::test
