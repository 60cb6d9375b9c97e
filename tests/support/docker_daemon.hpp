#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// A Docker daemon of the caller's own, with its own state, mounts and network; gone with the
/// object. Needs root and the package docker.io.
class DockerDaemon {
public:
  /// Throws Error(unsupported) without root, Error(infrastructure) with its log when it does not
  /// start. `disk`: all that it may keep; 0: as the host has.
  explicit DockerDaemon(Bytes disk = {});
  ~DockerDaemon();
  DockerDaemon(const DockerDaemon&) = delete;

  /// Without a chance to tidy up, as a crash does; what it has started goes with it.
  void kill();

  fs::path socket() const { return m_directory.path() / "docker.sock"; }
  /// For DOCKER_HOST.
  std::string host() const { return "unix://" + socket().string(); }
  const fs::path& directory() const { return m_directory.path(); }
  /// A command beside it, in its network.
  std::vector<std::string> beside(std::vector<std::string> argv) const;

private:
  TemporaryDirectory m_directory;
  std::optional<Process> m_daemon;
};

/// A root filesystem with busybox and nothing else, as a tar below `directory`.
fs::path busybox_rootfs(const fs::path& directory);

}  // namespace nestbox
