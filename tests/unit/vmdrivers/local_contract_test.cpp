#include "tests/contract/driver_contract.hpp"
#include "vmdrivers/local/driver.hpp"

namespace nestbox {
namespace {

INSTANTIATE_TEST_SUITE_P(Local, DriverContract,
                         testing::Values(DriverUnderTest{"local",
                                                         [] { return local::make_driver({}); },
                                                         [] { return MachineSpec(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace nestbox
