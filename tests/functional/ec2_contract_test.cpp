// What every driver promises, of instances that are forked virtual machines.
#include "tests/contract/driver_contract.hpp"
#include "tests/functional/ec2_cloud.hpp"
#include "vmdrivers/ec2/driver.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

/// One for all tests of this program.
class SharedCloud final : public testing::Environment {
public:
  void SetUp() override { m_cloud.emplace(); }
  void TearDown() override { m_cloud.reset(); }

  std::unique_ptr<Driver> driver() {
    const ec2::Pace quick{.question = 200ms, .backoff = {}};
    return ec2::assemble_driver(
        [text = m_cloud->settings()] { return ec2::parse_settings(text, "ec2.yml"); },
        m_cloud->aws().variables(), quick, ec2::connect_by_ssh);
  }

private:
  std::optional<Ec2Cloud> m_cloud;
};

SharedCloud& cloud() {
  static SharedCloud* const shared = new SharedCloud;  // gtest deletes it
  return *shared;
}
const testing::Environment* const k_registered = testing::AddGlobalTestEnvironment(&cloud());

const DriverUnderTest k_ec2{"ec2", [] { return cloud().driver(); }, [] { return MachineSpec(); }};
const auto k_name = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(Ec2, DriverContract, testing::Values(k_ec2), k_name);
INSTANTIATE_TEST_SUITE_P(Ec2, ForkingDriverContract, testing::Values(k_ec2), k_name);

}  // namespace
}  // namespace nestbox
