#pragma once

#include <optional>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {

/// podman's service of the caller's own, which speaks the API of Docker's engine, with its own
/// state, mounts and network; gone with the object. Needs root and the package podman.
class PodmanService {
public:
  /// Throws Error(unsupported) without root. Answers as soon as it has started.
  PodmanService();
  ~PodmanService();
  PodmanService(const PodmanService&) = delete;

  fs::path socket() const { return m_directory.path() / "podman.sock"; }
  /// For DOCKER_HOST.
  std::string host() const { return "unix://" + socket().string(); }
  const fs::path& directory() const { return m_directory.path(); }

private:
  TemporaryDirectory m_directory;
  std::optional<Process> m_service;
};

}  // namespace nestbox
