#pragma once

#include <optional>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {

/// A Docker daemon of the test's own, with its own state, mounts and network; gone with the object.
/// Needs root and the package docker.io.
class DockerDaemon {
public:
  DockerDaemon();
  ~DockerDaemon();

  fs::path socket() const { return m_directory.path() / "docker.sock"; }
  /// For DOCKER_HOST.
  std::string host() const { return "unix://" + socket().string(); }
  const fs::path& directory() const { return m_directory.path(); }

private:
  TemporaryDirectory m_directory;
  std::optional<Process> m_daemon;
};

/// A root filesystem with busybox and nothing else, as a tar below `directory`.
fs::path busybox_rootfs(const fs::path& directory);

}  // namespace nestbox
