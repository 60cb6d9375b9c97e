#include "runner/docker_machine/published_ports.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "runner/docker_machine/loopback_address.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/support/log_recorder.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A row of /proc/net/tcp; `address` as it has it: 00000000 is any, 01005A0A is 10.90.0.1.
std::string row(const std::string& address, int port) {
  return fmt::format("   0: {}:{:04X} 00000000:0000 0A 00000000:00000000\n", address, port);
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
      io.output(OutputStream::standard_output, row("00000000", m_first) + ".\n");
      const auto next = [&](const CancelSource& source) {
        return wait_readable(source.token().descriptor(), Deadline::never(), cancel) == Wait::ready;
      };
      if (next(m_changed)) {
        io.output(OutputStream::standard_output, row("01005A0A", m_second));
        io.output(OutputStream::standard_output, ".\n");
        m_told.cancel();
        static_cast<void>(next(m_never));
      }
      return CommandResult{.status = {}, .cancelled = true};
    };
  }

  static Deadline soon() { return Deadline::after(std::chrono::minutes(1)); }

  int free_port() const { return Forwarding(*m_machine, {"none"}, m_address.text()).port(); }

  std::unique_ptr<PublishedPorts> publish(const std::set<int>& others = {}) {
    return std::make_unique<PublishedPorts>(
        *m_machine,
        PublishedPorts::Addresses{.in_machine = "10.90.0.1", .on_host = m_address.text()}, others,
        soon(), CancelToken());
  }

  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::unique_ptr<Machine> m_machine = make_fake_machine(m_world, "a");
  LoopbackAddress m_address;
  const int m_first = free_port();
  const int m_second = m_first ^ 1;
  CancelSource m_changed;
  CancelSource m_told;
  CancelSource m_never;
};

TEST_F(PublishedPortsTest, FollowWhatListensInTheMachine) {
  const auto ports = publish();
  EXPECT_TRUE(reachable(m_address.text(), m_first));
  EXPECT_FALSE(reachable(m_address.text(), m_second));
  m_changed.cancel();
  ASSERT_EQ(wait_readable(m_told.token().descriptor(), soon()), Wait::ready);
  EXPECT_FALSE(reachable(m_address.text(), m_first));
  EXPECT_TRUE(reachable(m_address.text(), m_second));
}

TEST_F(PublishedPortsTest, LeaveOthersAlone) {
  const auto ports = publish({m_first});
  EXPECT_FALSE(reachable(m_address.text(), m_first));
}

TEST_F(PublishedPortsTest, SayWhichCannotBeHad) {
  const LogRecorder log;
  const Forwarding other(*m_machine, {"other"}, m_address.text(), m_first);
  publish().reset();
  EXPECT_THAT(log.lines(),
              ElementsAre(HasSubstr(fmt::format("port {} of the machine is not reachable at {}",
                                                m_first, m_address.text()))));
}

TEST_F(PublishedPortsTest, SayThatTheMachineCannotTell) {
  const LogRecorder log;
  m_world->run = [](const Command&, const CommandIo& io, Deadline, const CancelToken&) {
    io.output(OutputStream::standard_error, "no tracefs\n");
    return CommandResult{.status = {.code = 1}};
  };
  publish().reset();
  EXPECT_THAT(log.lines(), ElementsAre(testing::EndsWith("are not published: no tracefs")));
}

TEST(LoopbackAddresses, AreEachOfOneAlone) {
  const LoopbackAddress first;
  const LoopbackAddress second;
  EXPECT_NE(first.text(), second.text());
  EXPECT_TRUE(first.text().starts_with("127.90.")) << first.text();
}

}  // namespace
}  // namespace nestbox
