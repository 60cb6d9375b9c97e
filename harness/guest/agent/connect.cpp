#include "harness/guest/agent/connect.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

namespace {

int fail(const std::string& what) {
  const std::string line = what + ": " + strerrordesc_np(errno) + '\n';
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  return 1;
}

/// Until `from` has said all, or `to` takes no more.
void pour(int from, int to) {
  char buffer[64 * 1024];
  while (true) {
    const ssize_t count = read(from, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = write(to, buffer + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR)
        return;
      done += written < 0 ? 0 : written;
    }
  }
}

}  // namespace

int connect_to(const char* address, const char* port) {
  const auto refuse = [&] {
    return fail(std::string("cannot connect to '") + address + ':' + port + '\'');
  };
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (inet_pton(AF_INET, address, &peer.sin_addr) != 1) {
    errno = EINVAL;
    return refuse();
  }
  const FileDescriptor connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
    return refuse();
  const int now = 1;
  setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  signal(SIGPIPE, SIG_IGN);
  // One process for each direction: neither waits for the other's reader.
  const pid_t sender = fork();
  if (sender < 0)
    return fail("cannot start a process");
  if (sender == 0) {
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    pour(STDIN_FILENO, connection.get());
    shutdown(connection.get(), SHUT_WR);
    return 0;
  }
  pour(connection.get(), STDOUT_FILENO);
  kill(sender, SIGKILL);
  return 0;
}

}  // namespace nestbox::agent
