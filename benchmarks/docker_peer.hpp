#pragma once

#include <string>

#include "tests/support/docker_daemon.hpp"

namespace nestbox::bench {

/// What `docker run` takes, with a daemon of our own and one image that holds a static busybox:
/// nothing of the host's own Docker is touched. Ends and leaves nothing when dropped. Needs root.
class DockerPeer {
public:
  DockerPeer();

  /// Milliseconds from starting `docker run --rm --network none IMAGE COMMAND` to the first byte it
  /// prints.
  double first_byte(const std::string& program, const std::string& argument);

private:
  DockerDaemon m_daemon;
};

}  // namespace nestbox::bench
