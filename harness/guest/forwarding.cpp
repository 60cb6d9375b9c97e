#include "harness/guest/forwarding.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr int k_backlog = 64;
constexpr std::size_t k_most_connections = 256;

FileDescriptor listen_on(const std::string& text, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int reuse = 1;  // what was connected to the port before may linger
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  if (!socket || ::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1
      || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
      || ::listen(socket.get(), k_backlog) != 0)
    throw system_error(fmt::format("cannot listen on '{}:{}'", text, port), errno);
  return socket;
}

int port_of(const FileDescriptor& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// One connection, served by a command in the machine.
class Connection {
public:
  Connection(Machine& machine, const std::vector<std::string>& server, FileDescriptor socket)
      : m_socket(std::move(socket)),
        m_thread([this, &machine, &server] { serve(machine, server); }) {}
  ~Connection() {
    m_stop.cancel();
    ::shutdown(m_socket.get(), SHUT_RDWR);  // lets go of who writes
    m_thread.join();
  }
  /// Cancelled once it has ended.
  CancelToken finished() const { return m_finished.token(); }

private:
  void serve(Machine& machine, const std::vector<std::string>& server) {
    const CommandIo io = {
        .output = [this](OutputStream stream, std::string_view bytes) { write(stream, bytes); },
        .input = m_socket.get()};
    const Command command = {.argv = server, .leaves_running = true};
    const Result<CommandResult> ended = catch_error(
        [&] { return machine.transport().run(command, io, Deadline::never(), m_stop.token()); });
    if (!ended)
      log(LogLevel::info, "a connection ended: " + ended.error().message);
    ::shutdown(m_socket.get(), SHUT_RDWR);
    m_finished.cancel();
  }

  void write(OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_error)
      return log(LogLevel::debug, printable(trim(bytes)));
    while (!bytes.empty()) {
      const ssize_t count = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return m_stop.cancel();
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  FileDescriptor m_socket;
  CancelSource m_stop;
  CancelSource m_finished;
  std::thread m_thread;
};

}  // namespace

std::vector<std::string> connection_to(const std::string& address, int port) {
  return {"nestbox", "--connect", address, std::to_string(port)};
}

Forwarding::Forwarding(Machine& machine, std::vector<std::string> server,
                       const std::string& address, int port)
    : m_machine(machine), m_server(std::move(server)), m_listener(listen_on(address, port)),
      m_port(port_of(m_listener)), m_thread([this] { serve(); }) {}

Forwarding::~Forwarding() {
  m_stop.cancel();
  m_thread.join();
}

void Forwarding::stop_listening() noexcept {
  ::shutdown(m_listener.get(), SHUT_RDWR);  // wakes the thread, which is refused from now on
}

/// The life of our thread.
void Forwarding::serve() {
  std::list<Connection> connections;
  while (wait_readable(m_listener.get(), Deadline::never(), m_stop.token()) == Wait::ready) {
    connections.remove_if(
        [](const Connection& connection) { return connection.finished().cancelled(); });
    FileDescriptor socket(::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket && errno == EINVAL)
      break;
    if (socket && connections.size() < k_most_connections)
      connections.emplace_back(m_machine, m_server, std::move(socket));
  }
  for (const Connection& connection : connections)
    static_cast<void>(
        wait_readable(connection.finished().descriptor(), Deadline::never(), m_stop.token()));
  connections.clear();
  m_done.cancel();
}

}  // namespace nestbox
