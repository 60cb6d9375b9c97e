#include "tests/support/podman_service.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "harness/base/unix_socket.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

/// $1 the directory of its state. Takes the socket that it is handed, as from systemd
/// (sd_listen_fds(3)): whoever connects before it is ready waits. What it mounts goes with the
/// namespace, however we end, and so does what it keeps elsewhere. By itself it would raise limits
/// of open files and processes beyond those of this host.
constexpr const char* k_script = R"sh(
ip link set lo up
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
cp --recursive /etc/containers "$1/settings"
mount --bind "$1/settings" /etc/containers
cat > "$1/containers.conf" <<END
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
END
export CONTAINERS_CONF="$1/containers.conf" LISTEN_PID=$$ LISTEN_FDS=1
exec podman --root="$1/data" --runroot="$1/run" --tmpdir="$1/tmp" --network-config-dir="$1/networks" \
  --cgroup-manager=cgroupfs --events-backend=file system service --time=0
)sh";

/// The groups that it made for its containers, in each hierarchy. Those of others are not empty.
void remove_control_groups() {
  std::error_code ignored;
  const auto remove = [&](const fs::path& parent) {
    for (const fs::directory_entry& group : fs::directory_iterator(parent, ignored))
      if (group.is_directory(ignored))
        ::rmdir(group.path().c_str());
    ::rmdir(parent.c_str());
  };
  remove("/sys/fs/cgroup/libpod_parent");
  for (const fs::directory_entry& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored))
    remove(hierarchy.path() / "libpod_parent");
}

}  // namespace

PodmanService::PodmanService() : m_directory("nestbox-podman") {
  if (::geteuid() != 0)
    throw Error(ErrorCode::unsupported, "podman with containers' own users needs root");
  const FileDescriptor listener = listen_on_path(socket());
  const FileDescriptor log(
      open((m_directory.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ProcessSpec service;
  service.argv = {"unshare", "--mount", "--net",
                  "/bin/sh", "-e",      "-c",
                  k_script,  "podman",  m_directory.path().string()};
  service.descriptors = {{1, log.get()}, {2, log.get()}, {3, listener.get()}};
  service.whole_tree = true;  // each container has a watcher, which outlives the service
  m_service = Process::spawn(service);
}

PodmanService::~PodmanService() {
  m_service->signal(SIGTERM);
  m_service->wait(Deadline::after(60s));
  m_service.reset();
  remove_control_groups();
}

}  // namespace nestbox
