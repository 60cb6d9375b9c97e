#include "runner/docker_machine/keeper.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <list>
#include <thread>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr int k_backlog = 64;
constexpr std::size_t k_most_connections = 256;

constexpr const char* k_login_script = R"(set -e
test -x /usr/sbin/sshd || { echo 'there is no ssh server in it' >&2; exit 3; }
if ! id docker > /dev/null 2>&1; then
  if getent group docker > /dev/null; then group='-g docker'; else group=-U; fi
  useradd -m -s /bin/bash $group docker
fi
mkdir -p /run/sshd ~docker/.ssh
printf '%s\n' "$NESTBOX_PUBLIC_KEY" > ~docker/.ssh/authorized_keys
chmod 700 ~docker/.ssh
chmod 600 ~docker/.ssh/authorized_keys
chown -R docker: ~docker/.ssh
if test -d /etc/sudoers.d; then
  echo 'docker ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/nestbox
  chmod 440 /etc/sudoers.d/nestbox
fi
ls /etc/ssh/ssh_host_*_key > /dev/null 2>&1 || ssh-keygen -A > /dev/null
cat /etc/ssh/ssh_host_*_key.pub
)";

/// The server of one connection, which stands where a network would: on its stdin and stdout.
const std::vector<std::string> k_ssh_server = {
    "/usr/sbin/sshd", "-i", "-e", "-o", "UseDNS=no", "-o", "PasswordAuthentication=no", "-o",
    "LogLevel=ERROR"};
const std::vector<std::string> k_docker_relay = {"docker", "system", "dial-stdio"};

FileDescriptor listening(FileDescriptor socket, const sockaddr* address, socklen_t size,
                         const std::string& what) {
  if (!socket || ::bind(socket.get(), address, size) != 0 || ::listen(socket.get(), k_backlog) != 0)
    throw system_error("cannot listen on " + what, errno);
  return socket;
}

FileDescriptor listen_on_loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return listening(FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
                   reinterpret_cast<const sockaddr*>(&address), sizeof address, "the loopback");
}

FileDescriptor listen_on_file(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path;
  if (name.size() >= sizeof address.sun_path)
    throw Error(ErrorCode::io, "the path '" + name + "' is too long for a socket",
                "set XDG_STATE_HOME to a shorter one");
  name.copy(address.sun_path, name.size());
  ::unlink(name.c_str());
  return listening(FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
                   reinterpret_cast<const sockaddr*>(&address), sizeof address, "'" + name + "'");
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
  Connection(Machine& machine, std::vector<std::string> argv, FileDescriptor socket)
      : m_socket(std::move(socket)),
        m_thread([this, &machine, argv = std::move(argv)] { serve(machine, argv); }) {}
  ~Connection() {
    m_stop.cancel();
    ::shutdown(m_socket.get(), SHUT_RDWR);  // lets go of who writes
    m_thread.join();
  }
  bool done() const { return m_done.cancelled(); }

private:
  void serve(Machine& machine, const std::vector<std::string>& argv) {
    const CommandIo io = {
        .output = [this](OutputStream stream, std::string_view bytes) { write(stream, bytes); },
        .input = m_socket.get()};
    // What somebody starts over ssh and leaves running is to go on.
    const Command command = {.argv = argv, .leaves_running = true};
    const Result<CommandResult> ended = catch_error(
        [&] { return machine.transport().run(command, io, Deadline::never(), m_stop.token()); });
    if (!ended)
      log(LogLevel::warning, "a connection ended: " + ended.error().message);
    ::shutdown(m_socket.get(), SHUT_RDWR);
    m_finished.cancel();
  }

  void write(OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_error)
      return log(LogLevel::info, printable(trim(bytes)));
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
  CancelToken m_done = m_finished.token();
  std::thread m_thread;
};

}  // namespace

void set_up_login(Machine& machine, const MachineStore& store, const KeptMachine& kept,
                  Deadline deadline, const CancelToken& cancel) {
  std::string output;
  std::string diagnostics;
  const CommandIo io = {.output = [&](OutputStream stream, std::string_view bytes) {
    (stream == OutputStream::standard_output ? output : diagnostics).append(bytes, 0, 65536);
  }};
  const std::string key = read_file(store.identity(kept.name).string() + ".pub");
  const CommandResult result =
      machine.transport().run({.argv = {"/bin/sh", "-c", k_login_script},
                               .environment = {{"NESTBOX_PUBLIC_KEY", std::string(trim(key))}}},
                              io, deadline, cancel);
  if (!result.status.success())
    throw Error(
        ErrorCode::infrastructure,
        fmt::format("cannot set up '{}' for ssh: {}", kept.name, printable(trim(diagnostics))),
        "its environment needs the packages openssh-server and sudo");
  std::string known;
  for (const std::string& line : split(trim(output), '\n'))
    known += fmt::format("[{}]:{} {}\n", kept.address, kept.port, line);
  write_file_atomically(store.known_hosts(kept.name), known);
}

Keeper::Keeper(Machine& machine, const fs::path& docker_socket)
    : m_machine(machine), m_ssh(listen_on_loopback()), m_docker(listen_on_file(docker_socket)),
      m_port(port_of(m_ssh)) {}

void Keeper::keep(const CancelToken& stop) {
  CancelSource ended(stop);
  m_machine.on_end([&](Condition) { ended.cancel(); });
  const ScopeExit forget([&] { m_machine.on_end({}); });
  std::list<Connection> connections;
  while (!ended.token().cancelled()) {
    std::array polled = {pollfd{ended.token().descriptor(), POLLIN, 0},
                         pollfd{m_ssh.get(), POLLIN, 0}, pollfd{m_docker.get(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    connections.remove_if([](const Connection& connection) { return connection.done(); });
    for (const FileDescriptor* listener : {&m_ssh, &m_docker}) {
      FileDescriptor socket(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket && connections.size() < k_most_connections)
        connections.emplace_back(m_machine, listener == &m_ssh ? k_ssh_server : k_docker_relay,
                                 std::move(socket));
    }
  }
}

}  // namespace nestbox
