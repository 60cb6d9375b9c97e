#include "tests/support/docker_daemon.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>

#include "harness/base/tar_writer.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

/// Where the daemon says that it is ready (sd_notify(3)).
FileDescriptor notify_socket(const fs::path& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  if (!socket || bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw system_error("cannot listen on '" + path.string() + "'", errno);
  return socket;
}

void await_ready(const FileDescriptor& socket, const fs::path& log) {
  const Deadline deadline = Deadline::after(120s);
  std::array<char, 4096> message;
  while (wait_readable(socket.get(), deadline) == Wait::ready) {
    const ssize_t count = recv(socket.get(), message.data(), message.size(), 0);
    if (count > 0
        && std::string_view(message.data(), static_cast<std::size_t>(count)).find("READY=1")
               != std::string_view::npos)
      return;
  }
  throw Error(ErrorCode::infrastructure, "dockerd did not get ready",
              "its log:\n" + read_file(log));
}

std::map<std::string, std::string> environment_with(const std::string& name,
                                                    const std::string& value) {
  std::map<std::string, std::string> result;
  for (char** each = environ; *each; ++each) {
    const std::string entry = *each;
    result[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
  }
  result[name] = value;
  return result;
}

/// $1 the socket, $2 the directory of its state, $3 how many bytes that may grow to. What it mounts
/// and its bridge go with the namespaces, however we end.
constexpr const char* k_script = R"(
ip link set lo up
mkdir "$2/data"
[ "$3" = 0 ] || mount -t tmpfs -o "size=$3" none "$2/data"
exec dockerd --host="$1" --data-root="$2/data" --exec-root="$2/exec" --pidfile="$2/pid" \
  --bip=198.18.0.1/24 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
  --userland-proxy=false
)";

}  // namespace

DockerDaemon::DockerDaemon(Bytes disk) : m_directory("nestbox-dockerd") {
  if (::geteuid() != 0)
    throw Error(ErrorCode::unsupported, "a Docker daemon of our own needs root");
  const FileDescriptor ready = notify_socket(m_directory.path() / "ready");
  const fs::path log_path = m_directory.path() / "log";
  const FileDescriptor log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ProcessSpec daemon;
  daemon.argv = {"unshare",
                 "--mount",
                 "--net",
                 "/bin/sh",
                 "-e",
                 "-c",
                 k_script,
                 "dockerd",
                 host(),
                 m_directory.path().string(),
                 std::to_string(disk.count)};
  daemon.environment = environment_with("NOTIFY_SOCKET", (m_directory.path() / "ready").string());
  daemon.descriptors = {{1, log.get()}, {2, log.get()}};
  daemon.whole_tree = true;  // it starts a containerd of its own
  m_daemon = Process::spawn(daemon);
  await_ready(ready, log_path);
}

DockerDaemon::~DockerDaemon() {
  // Asked first, for it ends its containers and unmounts what it has mounted.
  if (m_daemon) {
    m_daemon->signal(SIGTERM);
    m_daemon->wait(Deadline::after(60s));
  }
}

std::vector<std::string> DockerDaemon::beside(std::vector<std::string> argv) const {
  const std::string pid(trim(read_file(m_directory.path() / "pid")));
  argv.insert(argv.begin(), {"nsenter", "--net=/proc/" + pid + "/ns/net", "--"});
  return argv;
}

void DockerDaemon::kill() {
  m_daemon->kill();
  m_daemon.reset();
}

fs::path busybox_rootfs(const fs::path& directory) {
  const fs::path path = directory / "rootfs.tar";
  std::ofstream file(path, std::ios::binary);
  TarWriter archive([&](std::string_view piece) {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  });
  for (const char* folder : {"bin", "etc", "root", "run", "usr/bin", "usr/sbin", "sbin"})
    archive.directory(folder);
  archive.directory("tmp", 01777);
  archive.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  archive.file("etc/group", "root:x:0:\n");
  archive.host_file("bin/busybox", "/bin/busybox", 0755);
  const std::string applets =
      run_checked({.argv = {"/bin/busybox", "--list-full"}}, Deadline::after(60s));
  for (const std::string& applet : split(applets, '\n'))
    if (!applet.empty() && applet != "bin/busybox" && applet != "linuxrc")
      archive.symlink(applet, "/bin/busybox");
  archive.finish();
  return path;
}

}  // namespace nestbox
