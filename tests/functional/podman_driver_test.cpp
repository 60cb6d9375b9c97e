// The driver docker on podman's service, which speaks the same API.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/contract/driver_contract.hpp"
#include "tests/support/docker_daemon.hpp"
#include "tests/support/podman_service.hpp"
#include "vmdrivers/docker/driver.hpp"

namespace nestbox {
namespace {

std::optional<PodmanService> s_podman;

/// Ended before main returns, while all that it takes is still there.
class EndPodman : public testing::Environment {
public:
  void TearDown() override { s_podman.reset(); }
};

[[maybe_unused]] const auto* const s_end = testing::AddGlobalTestEnvironment(new EndPodman);

PodmanService& podman() {
  if (!s_podman) {
    s_podman.emplace();
    ::setenv("DOCKER_HOST", s_podman->host().c_str(), 1);
  }
  return *s_podman;
}

MachineSpec container() {
  static const fs::path rootfs = busybox_rootfs(podman().directory());
  MachineSpec spec;
  spec.disk = rootfs;
  spec.disk_format = "tar";
  return spec;
}

const DriverUnderTest k_podman{"docker",
                               [] {
                                 podman();
                                 return docker::make_driver({});
                               },
                               container};
const auto k_name = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(Podman, DriverContract, testing::Values(k_podman), k_name);
INSTANTIATE_TEST_SUITE_P(Podman, ForkingDriverContract, testing::Values(k_podman), k_name);

}  // namespace
}  // namespace nestbox
