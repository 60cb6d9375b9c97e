#include "benchmarks/docker_peer.hpp"

#include "benchmarks/child.hpp"

namespace nestbox::bench {

DockerPeer::DockerPeer() {
  run_child({"docker", "import", busybox_rootfs(m_daemon.directory()).string(), "nestbox-bench"},
            m_daemon.directory(), {{"DOCKER_HOST", m_daemon.host()}});
}

double DockerPeer::first_byte(const std::string& program, const std::string& argument) {
  return run_child(
             {"docker", "run", "--rm", "--network", "none", "nestbox-bench", program, argument},
             m_daemon.directory(), {{"DOCKER_HOST", m_daemon.host()}})
      .first_byte;
}

}  // namespace nestbox::bench
