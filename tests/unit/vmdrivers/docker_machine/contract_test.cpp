#include "tests/contract/driver_contract.hpp"
#include "tests/unit/vmdrivers/docker_machine/stand_in.hpp"
#include "vmdrivers/docker_machine/driver.hpp"

namespace nestbox {
namespace {

std::unique_ptr<Driver> make_driver() {
  static test::StandIn stand_in;
  return docker_machine::make_driver({});
}

std::vector<DriverUnderTest> drivers() {
  if (!test::has_ssh_server())
    return {};
  return {{"docker-machine", make_driver, [] { return MachineSpec(); }}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DriverContract);
INSTANTIATE_TEST_SUITE_P(DockerMachine, DriverContract, testing::ValuesIn(drivers()),
                         [](const auto&) { return "docker_machine"; });

}  // namespace
}  // namespace nestbox
