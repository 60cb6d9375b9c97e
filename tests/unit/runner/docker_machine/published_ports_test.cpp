#include "runner/docker_machine/published_ports.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>

#include "runner/docker_machine/loopback_address.hpp"
#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

constexpr const char* k_any_8080 =
    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n";
constexpr const char* k_own_8081 =
    "  12: 01005A0A:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n";

TEST(ListeningPorts, AreThoseThatOthersReach) {
  const std::string tables =
      std::string("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n")
      + k_any_8080 + k_own_8081
      + "   2: 0100007F:1F92 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"  // of the loopback
        "   3: 00000000:1F93 00000000:0000 01 0:0 0:0 0 0 0 1 1\n"  // connected
        "   4: 0202000A:1F94 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n"  // of another address
        "   5: 00000000000000000000000000000000:1F95 0:0 0A 0:0 0\n"
        "   6: 00000000000000000000000001000000:1F96 0:0 0A 0:0 0\n"  // ::1
        "   7: 0000000000000000FFFF00000100007F:1F97 0:0 0A 0:0 0\n"
        "   8: 0000000000000000FFFF000001005A0A:1F98 0:0 0A 0:0 0\n"
        "   9: 00000000:0000 0:0 0A\n"
        "  10: 00000000 0:0 0A\n"
        "  11: 00000000:ZZZZ 0:0 0A\n";
  EXPECT_THAT(listening_ports(tables, "10.90.0.1"), ElementsAre(8080, 8081, 8085, 8088));
}

bool reachable(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Plays the machine: tells what it is given, and once more when a test says so.
class PublishedPortsTest : public testing::Test {
protected:
  PublishedPortsTest() {
    m_world->run = [this](const Command& command, const CommandIo& io, Deadline,
                          const CancelToken& cancel) {
      if (command.argv[0] != "/bin/sh")
        return CommandResult{};
      io.output(OutputStream::standard_output, std::string(k_any_8080) + ".\n");
      const auto next = [&](const CancelSource& source) {
        return wait_readable(source.token().descriptor(), Deadline::never(), cancel) == Wait::ready;
      };
      if (next(m_changed)) {
        io.output(OutputStream::standard_output, k_own_8081);
        io.output(OutputStream::standard_output, ".\n");
        m_told.cancel();
        static_cast<void>(next(m_never));
      }
      return CommandResult{.status = {}, .cancelled = true};
    };
  }

  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::unique_ptr<Machine> m_machine = make_fake_machine(m_world, "a");
  LoopbackAddress m_address;
  CancelSource m_changed;
  CancelSource m_told;
  CancelSource m_never;
};

TEST_F(PublishedPortsTest, FollowWhatListensInTheMachine) {
  const PublishedPorts ports(*m_machine, {.in_machine = "10.90.0.1", .on_host = m_address.text()},
                             {}, Deadline::after(std::chrono::minutes(1)), {});
  EXPECT_TRUE(reachable(m_address.text(), 8080));
  EXPECT_FALSE(reachable(m_address.text(), 8081));
  m_changed.cancel();
  ASSERT_EQ(wait_readable(m_told.token().descriptor(), Deadline::after(std::chrono::minutes(1))),
            Wait::ready);
  EXPECT_FALSE(reachable(m_address.text(), 8080));
  EXPECT_TRUE(reachable(m_address.text(), 8081));
}

TEST_F(PublishedPortsTest, LeaveOthersAlone) {
  const PublishedPorts ports(*m_machine, {.in_machine = "10.90.0.1", .on_host = m_address.text()},
                             {8080}, Deadline::after(std::chrono::minutes(1)), {});
  EXPECT_FALSE(reachable(m_address.text(), 8080));
}

TEST(LoopbackAddresses, AreEachOfOneAlone) {
  const LoopbackAddress first;
  const LoopbackAddress second;
  EXPECT_NE(first.text(), second.text());
  EXPECT_TRUE(first.text().starts_with("127.90.")) << first.text();
}

}  // namespace
}  // namespace nestbox
