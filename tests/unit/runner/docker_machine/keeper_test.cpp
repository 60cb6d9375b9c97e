#include "runner/docker_machine/keeper.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

class KeeperTest : public testing::Test {
protected:
  static sockaddr_in socket_address(const std::string& host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }

  static bool reaches(const std::string& host, int port) {
    const sockaddr_in address = socket_address(host, port);
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)
           == 0;
  }

  Keeper keep() { return Keeper(*m_machine, "10.90.0.1", Deadline::after(k_soon), {}); }

  static constexpr std::chrono::minutes k_soon{1};
  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::unique_ptr<Machine> m_machine = make_fake_machine(m_world, "a");
};

TEST_F(KeeperTest, GivesEachMachineAnAddress) {
  const Keeper first = keep();
  const Keeper second = keep();
  EXPECT_NE(first.address(), second.address());
  for (const Keeper* keeper : {&first, &second}) {
    EXPECT_TRUE(reaches(keeper->address(), keeper->ssh_port()));
    EXPECT_TRUE(reaches(keeper->address(), keeper->docker_port()));
  }
}

TEST_F(KeeperTest, TakesAnotherPortWhereAServerOfThisHostHasItOnAllAddresses) {
  sockaddr_in all = socket_address("0.0.0.0", 0);
  socklen_t size = sizeof all;
  const FileDescriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&all), size), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&all), &size);
  const LoopbackAddress address;
  const auto forwarding = forward(*m_machine, {"server"}, address.text(), ntohs(all.sin_port));
  EXPECT_NE(forwarding->port(), ntohs(all.sin_port));
  EXPECT_TRUE(reaches(address.text(), forwarding->port()));
  EXPECT_EQ(forward(*m_machine, {"server"}, LoopbackAddress().text(), forwarding->port())->port(),
            forwarding->port());
}

}  // namespace
}  // namespace nestbox
