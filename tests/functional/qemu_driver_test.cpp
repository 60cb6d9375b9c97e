#include "tests/contract/driver_contract.hpp"
#include "tests/functional/tiny_machines.hpp"

namespace nestbox {
namespace {

const DriverUnderTest k_qemu{"qemu", [] { return make_qemu_driver(); }, tiny_machine};
const auto k_name = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(Qemu, DriverContract, testing::Values(k_qemu), k_name);
INSTANTIATE_TEST_SUITE_P(Qemu, ForkingDriverContract, testing::Values(k_qemu), k_name);

}  // namespace
}  // namespace nestbox
