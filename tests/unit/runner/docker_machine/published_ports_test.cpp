#include "runner/docker_machine/published_ports.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "runner/docker_machine/loopback_address.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/support/log_recorder.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* k_any_8080 =
    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n";
constexpr const char* k_own_8081 =
    "  12: 01005A0A:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n";

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

  static Deadline soon() { return Deadline::after(std::chrono::minutes(1)); }

  std::unique_ptr<PublishedPorts> publish(const std::set<int>& others = {}) {
    return std::make_unique<PublishedPorts>(
        *m_machine,
        PublishedPorts::Addresses{.in_machine = "10.90.0.1", .on_host = m_address.text()}, others,
        soon(), CancelToken());
  }

  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::unique_ptr<Machine> m_machine = make_fake_machine(m_world, "a");
  LoopbackAddress m_address;
  CancelSource m_changed;
  CancelSource m_told;
  CancelSource m_never;
};

TEST_F(PublishedPortsTest, FollowWhatListensInTheMachine) {
  const auto ports = publish();
  EXPECT_TRUE(reachable(m_address.text(), 8080));
  EXPECT_FALSE(reachable(m_address.text(), 8081));
  m_changed.cancel();
  ASSERT_EQ(wait_readable(m_told.token().descriptor(), soon()), Wait::ready);
  EXPECT_FALSE(reachable(m_address.text(), 8080));
  EXPECT_TRUE(reachable(m_address.text(), 8081));
}

TEST_F(PublishedPortsTest, LeaveOthersAlone) {
  const auto ports = publish({8080});
  EXPECT_FALSE(reachable(m_address.text(), 8080));
}

TEST_F(PublishedPortsTest, SayWhichCannotBeHad) {
  const LogRecorder log;
  const Forwarding other(*m_machine, {"other"}, m_address.text(), 8080);
  publish().reset();
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("port 8080 of the machine is not reachable at "
                                                 + m_address.text())));
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
