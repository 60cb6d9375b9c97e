#include "tests/functional/docker_engine.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "vmdrivers/docker/driver.hpp"

namespace nestbox {
namespace {

std::optional<DockerDaemon> s_daemon;

/// Ended before main returns, while all that it takes is still there.
class EndDaemon : public testing::Environment {
public:
  void TearDown() override { s_daemon.reset(); }
};

[[maybe_unused]] const auto* const s_end = testing::AddGlobalTestEnvironment(new EndDaemon);

}  // namespace

DockerDaemon& docker_daemon() {
  if (!s_daemon) {
    s_daemon.emplace();
    ::setenv("DOCKER_HOST", s_daemon->host().c_str(), 1);
  }
  return *s_daemon;
}

std::unique_ptr<Driver> make_docker_driver() {
  docker_daemon();
  return docker::make_driver({});
}

MachineSpec busybox_container() {
  static const fs::path rootfs = busybox_rootfs(docker_daemon().directory());
  MachineSpec spec;
  spec.disk = rootfs;
  spec.disk_format = "tar";
  return spec;
}

}  // namespace nestbox
