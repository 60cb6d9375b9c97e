#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/contract/driver_contract.hpp"
#include "tests/functional/docker_engine.hpp"

namespace nestbox {
namespace {

const DriverUnderTest k_docker{"docker", [] { return make_docker_driver(); }, busybox_container};
const auto k_name = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(Docker, DriverContract, testing::Values(k_docker), k_name);
INSTANTIATE_TEST_SUITE_P(Docker, ForkingDriverContract, testing::Values(k_docker), k_name);

}  // namespace
}  // namespace nestbox
