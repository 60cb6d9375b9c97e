#include "tests/contract/driver_contract.hpp"
#include "tests/functional/tiny_machines.hpp"

namespace nestbox {
namespace {

const DriverUnderTest k_driver{driver_under_test(), [] { return make_machine_driver(); },
                               tiny_machine};
const auto k_name = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(OfMachines, DriverContract, testing::Values(k_driver), k_name);
INSTANTIATE_TEST_SUITE_P(OfMachines, ForkingDriverContract, testing::Values(k_driver), k_name);

}  // namespace
}  // namespace nestbox
