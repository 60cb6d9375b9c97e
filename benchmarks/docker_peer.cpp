#include "benchmarks/docker_peer.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "benchmarks/child.hpp"

namespace nestbox::bench {

namespace {

using std::chrono::seconds;

/// Where a daemon says that it is ready (sd_notify(3)).
FileDescriptor notify_socket(const fs::path& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  if (!socket || bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw system_error("cannot listen on '" + path.string() + "'", errno);
  return socket;
}

void wait_until_ready(const FileDescriptor& socket, const fs::path& log) {
  const Deadline deadline = Deadline::after(seconds(60));
  std::array<char, 4096> message;
  while (wait_readable(socket.get(), deadline) == Wait::ready) {
    const ssize_t count = recv(socket.get(), message.data(), message.size(), 0);
    if (count > 0
        && std::string_view(message.data(), static_cast<std::size_t>(count)).find("READY=1")
               != std::string_view::npos)
      return;
  }
  throw Error(ErrorCode::infrastructure, "dockerd did not get ready in 60 s",
              "its log:\n" + read_file(log));
}

std::map<std::string, std::string> our_variables() {
  std::map<std::string, std::string> result;
  for (char** each = environ; *each; ++each) {
    const std::string entry = *each;
    const std::size_t equals = entry.find('=');
    result[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return result;
}

}  // namespace

DockerPeer::DockerPeer() : m_directory("nestbox-docker") {
  if (geteuid() != 0)
    throw Error(ErrorCode::unsupported, "a Docker daemon of our own needs root");
  const fs::path& root = m_directory.path();
  m_host = "unix://" + (root / "docker.sock").string();
  const FileDescriptor ready = notify_socket(root / "ready");
  const fs::path log_path = root / "log";
  const FileDescriptor log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));

  ProcessSpec daemon;
  // In a mount namespace of its own: what it mounts goes with it, however we end.
  daemon.argv = {"unshare",
                 "--mount",
                 "dockerd",
                 "--host=" + m_host,
                 "--data-root=" + (root / "data").string(),
                 "--exec-root=" + (root / "exec").string(),
                 "--pidfile=" + (root / "pid").string(),
                 "--bridge=none",
                 "--iptables=false",
                 "--ip6tables=false",
                 "--ip-forward=false",
                 "--ip-masq=false"};
  daemon.environment = our_variables();
  daemon.environment->insert_or_assign("NOTIFY_SOCKET", (root / "ready").string());
  daemon.descriptors = {{1, log.get()}, {2, log.get()}};
  // It starts a containerd of its own.
  daemon.whole_tree = true;
  m_daemon = Process::spawn(daemon);
  wait_until_ready(ready, log_path);

  const fs::path image = root / "image";
  fs::create_directories(image / "bin");
  fs::copy_file("/bin/busybox", image / "bin/busybox");
  for (const char* applet : {"sh", "echo", "true"})
    fs::create_symlink("busybox", image / "bin" / applet);
  run_child({"tar", "-C", image.string(), "-cf", (root / "image.tar").string(), "."}, root);
  run_child({"docker", "import", (root / "image.tar").string(), "nestbox-bench"}, root,
            {{"DOCKER_HOST", m_host}});
}

DockerPeer::~DockerPeer() {
  // Asked first, for it unmounts what it has mounted.
  if (m_daemon) {
    m_daemon->signal(SIGTERM);
    m_daemon->wait(Deadline::after(seconds(30)));
  }
}

double DockerPeer::first_byte(const std::string& program, const std::string& argument) {
  return run_child(
             {"docker", "run", "--rm", "--network", "none", "nestbox-bench", program, argument},
             m_directory.path(), {{"DOCKER_HOST", m_host}})
      .first_byte;
}

}  // namespace nestbox::bench
