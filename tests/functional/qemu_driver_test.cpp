#include "tests/contract/driver_contract.hpp"
#include "tests/functional/tiny_machines.hpp"

namespace nestbox {
namespace {

INSTANTIATE_TEST_SUITE_P(Qemu, DriverContract,
                         testing::Values(DriverUnderTest{"qemu", [] { return make_qemu_driver(); },
                                                         tiny_machine}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace nestbox
