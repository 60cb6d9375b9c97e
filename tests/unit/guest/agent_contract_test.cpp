#include <gtest/gtest.h>

#include "harness/guest/agent_transport.hpp"
#include "tests/contract/transport_contract.hpp"
#include "tests/unit/guest/agent_program.hpp"

namespace nestbox {
namespace {

/// This host, led to through the very agent program.
class AgentHost : public TransportHost {
public:
  explicit AgentHost(test::AgentProgram agent) : m_agent(std::move(agent)) {}

  Transport& transport() override { return *m_transport; }
  std::string scratch() const override { return m_scratch.path() / "new"; }

private:
  TemporaryDirectory m_scratch;
  test::AgentProgram m_agent;
  std::unique_ptr<Transport> m_transport = make_agent_transport(std::move(m_agent.socket));
};

INSTANTIATE_TEST_SUITE_P(
    Agent, TransportContract,
    testing::Values(
        TransportCase{.name = "socket",
                      .make = [] { return std::make_unique<AgentHost>(test::start_agent()); }},
        TransportCase{.name = "stdio", .make = [] {
                        return std::make_unique<AgentHost>(test::start_piped_agent({}));
                      }}));

}  // namespace
}  // namespace nestbox
