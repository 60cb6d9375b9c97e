#include "tests/contract/driver_contract.hpp"
#include "tests/contract/transport_contract.hpp"
#include "tests/unit/vmdrivers/ssh/pool_fixture.hpp"
#include "vmdrivers/ssh/driver.hpp"

namespace nestbox {
namespace {

std::unique_ptr<Driver> make_driver() {
  test::ssh_pool();
  return ssh::make_driver({});
}

class LeasedHost : public TransportHost {
public:
  LeasedHost() {
    MachineSpec spec;
    spec.name = "one";
    m_machine = m_driver->boot(spec, {}, soon(), {});
  }
  Transport& transport() override { return m_machine->transport(); }
  std::string scratch() const override { return m_machine->workspace() + "/new"; }

private:
  std::unique_ptr<Driver> m_driver = make_driver();
  std::unique_ptr<Machine> m_machine;
};

std::vector<DriverUnderTest> drivers() {
  if (!test::has_ssh_server())
    return {};
  return {{"ssh", make_driver, [] { return MachineSpec(); }}};
}

std::vector<TransportCase> transports() {
  if (!test::has_ssh_server())
    return {};
  return {{.name = "ssh", .make = [] { return std::make_unique<LeasedHost>(); }}};
}

TEST(SshServer, IsInstalled) {
  if (!test::has_ssh_server())
    GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DriverContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransportContract);
INSTANTIATE_TEST_SUITE_P(Ssh, DriverContract, testing::ValuesIn(drivers()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Ssh, TransportContract, testing::ValuesIn(transports()));

}  // namespace
}  // namespace nestbox
