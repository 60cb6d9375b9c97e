#include "harness/guest/verb_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "harness/base/scope.hpp"
#include "harness/model/verb_usage.hpp"

namespace nestbox {

namespace {

/// Input is read no further than this ahead of the host.
constexpr std::size_t k_most_unsent = 256 * 1024;

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EAGAIN) {  // somebody shares our terminal and made it so
      pollfd entry{descriptor, POLLOUT, 0};
      poll(&entry, 1, -1);
    } else if (count < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count < 0 ? 0 : count));
  }
  return true;
}

int fail(const std::string& why) {
  write_all(STDERR_FILENO, "nestbox: " + why + "\n");
  return k_no_host_exit_code;
}

FileDescriptor connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  path.copy(address.sun_path, path.size());
  FileDescriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    connection.close();
  return connection;
}

/// One verb at the host.
class Conversation {
public:
  Conversation(FileDescriptor connection, const VerbCall& call)
      : m_connection(std::move(connection)), m_input_open(call.input) {
    append(m_unsent, call);
  }

  int run() {
    while (true) {
      while (const auto message = m_decoder.next()) {
        if (const auto* exit = std::get_if<VerbExit>(&*message))
          return exit->code;
        const auto* output = std::get_if<VerbOutput>(&*message);
        if (output && !write_all(output->error ? STDERR_FILENO : STDOUT_FILENO, output->bytes))
          return fail("cannot write the output of the verb");
      }
      if (!m_decoder.sound())
        return fail(std::string("the host does not speak this protocol: it sent ")
                    + m_decoder.problem());
      if (!exchange())
        return fail("the host ended the call before the verb was done");
    }
  }

private:
  /// Waits, then reads and writes what can be. False once the host has said all.
  bool exchange() {
    const bool takes_input = m_input_open && m_unsent.size() < k_most_unsent;
    const short events = m_unsent.empty() ? POLLIN : POLLIN | POLLOUT;
    pollfd polled[] = {{m_connection.get(), events, 0},
                       {takes_input ? STDIN_FILENO : -1, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0)
      return errno == EINTR;
    if (polled[1].revents)
      read_input();
    if (polled[0].revents & POLLOUT)
      send_some();
    return !(polled[0].revents & (POLLIN | POLLHUP | POLLERR)) || receive_some();
  }

  void read_input() {
    char buffer[32 * 1024];
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    m_input_open = count > 0;
    if (m_input_open)
      append(m_unsent, VerbInput{{buffer, static_cast<std::size_t>(count)}});
    else
      append(m_unsent, VerbInputEnd{});
  }

  void send_some() {
    const ssize_t count =
        send(m_connection.get(), m_unsent.data(), m_unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (count < 0) {  // it may have sent its exit before it closed
      m_input_open = false;
      m_unsent.clear();
      return;
    }
    m_unsent.erase(0, static_cast<std::size_t>(count));
  }

  bool receive_some() {
    const FrameDecoder::Space space = m_decoder.space();
    const ssize_t count = recv(m_connection.get(), space.data, space.size, MSG_DONTWAIT);
    if (count > 0)
      m_decoder.filled(static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  }

  FileDescriptor m_connection;
  VerbDecoder m_decoder{VerbDecoder::Sender::host};
  std::string m_unsent;
  bool m_input_open;
};

std::string usage() {
  std::string text = "usage: nestbox VERB ARGUMENTS…\n\nAsks the nestbox that runs this test.\n";
  for (const VerbUsage& verb : verb_usages())
    text.append("\n  nestbox ")
        .append(verb.name)
        .append(" ")
        .append(verb.arguments)
        .append("\n      ")
        .append(verb.summary)
        .append("\n");
  return text;
}

std::string current_directory() {
  char* const path = getcwd(nullptr, 0);
  const std::string text = path && path[0] == '/' ? path : "/";
  free(path);
  return text;
}

}  // namespace

int call_host(const std::string& socket_path, const VerbCall& call) {
  FileDescriptor connection = connect_to(socket_path);
  if (!connection)
    return fail("no host listens at '" + socket_path + "': " + strerrordesc_np(errno));
  return Conversation(std::move(connection), call).run();
}

int verb_main(int argc, char** argv) {
  VerbCall call;
  for (int i = 1; i < argc; ++i)
    call.argv.emplace_back(argv[i]);
  if (call.argv.empty() || call.argv[0] == "--help" || call.argv[0] == "-h") {
    write_all(STDOUT_FILENO, usage());
    return 0;
  }
  call.working_directory = current_directory();
  call.terminal = isatty(STDOUT_FILENO) == 1;
  const bool connects = call.argv[0] == "connect";
  call.input = connects || call.argv[0] == "exec";
  // ssh hangs up on the program that connects it. The server there is to see its input end, and to
  // end itself: cut off, it would take with it what it left running.
  if (connects)
    signal(SIGHUP, SIG_IGN);
  const char* const path = getenv(k_host_socket_variable);
  return call_host(path && *path ? path : k_host_socket, call);
}

}  // namespace nestbox
