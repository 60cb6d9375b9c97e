#pragma once

#include <filesystem>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::bench {

/// A Docker daemon of our own, with one image that holds a static busybox, in a temporary
/// directory: no bridge, no firewall rules, nothing of the host's own Docker touched. Ends and
/// leaves nothing when dropped. Needs root.
class DockerPeer {
public:
  DockerPeer();
  ~DockerPeer();
  DockerPeer(const DockerPeer&) = delete;

  /// Milliseconds from starting `docker run --rm --network none IMAGE COMMAND` to the first byte it
  /// prints.
  double first_byte(const std::string& program, const std::string& argument);

private:
  TemporaryDirectory m_directory;
  std::string m_host;
  std::optional<Process> m_daemon;
};

}  // namespace nestbox::bench
