#include "harness/guest/forwarding.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <thread>

#include "harness/base/error.hpp"
#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

FileDescriptor connect_to_port(int port, const char* host = "127.0.0.1") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host, &address.sin_addr);
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw system_error("cannot connect", errno);
  return socket;
}

std::string read_to_end(int descriptor) {
  std::string text;
  char buffer[1024];
  for (ssize_t count; (count = ::read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

std::string exchange(const FileDescriptor& socket, const std::string& said) {
  EXPECT_EQ(::send(socket.get(), said.data(), said.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(said.size()));
  ::shutdown(socket.get(), SHUT_WR);
  return read_to_end(socket.get());
}

/// Says in capitals what it is told.
CommandResult shout(const Command&, const CommandIo& io, Deadline, const CancelToken&) {
  std::string text = read_to_end(io.input);
  for (char& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  io.output(OutputStream::standard_output, text);
  io.output(OutputStream::standard_error, "not for the other side");
  return {};
}

class ForwardingTest : public testing::Test {
protected:
  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::unique_ptr<Machine> m_machine = make_fake_machine(m_world, "a");
};

TEST_F(ForwardingTest, ServesEachConnectionByACommandInTheMachine) {
  m_world->run = shout;
  const Forwarding forwarding(*m_machine, {"shout", "loud"});
  EXPECT_EQ(exchange(connect_to_port(forwarding.port()), "hello"), "HELLO");
  const FileDescriptor first = connect_to_port(forwarding.port());
  EXPECT_EQ(exchange(connect_to_port(forwarding.port()), "second"), "SECOND");
  EXPECT_EQ(exchange(first, "first"), "FIRST");
  EXPECT_EQ(m_world->commands[0].argv, (std::vector<std::string>{"shout", "loud"}));
  EXPECT_TRUE(m_world->commands[0].leaves_running);
}

TEST_F(ForwardingTest, ListensOnTheAddressThatItIsGiven) {
  m_world->run = shout;
  const Forwarding first(*m_machine, {"shout"}, "127.90.1.1");
  const Forwarding second(*m_machine, {"shout"}, "127.90.1.2", first.port());
  EXPECT_EQ(second.port(), first.port());
  EXPECT_EQ(exchange(connect_to_port(first.port(), "127.90.1.2"), "hello"), "HELLO");
  EXPECT_THROW(connect_to_port(first.port()), Error);
  EXPECT_THROW(Forwarding(*m_machine, {"shout"}, "127.90.1.2", first.port()), Error);
  EXPECT_THROW(Forwarding(*m_machine, {"shout"}, "somewhere"), Error);
}

TEST_F(ForwardingTest, LeavesConnectionsAloneWhenItStopsListening) {
  m_world->run = shout;
  Forwarding forwarding(*m_machine, {"shout"});
  const FileDescriptor first = connect_to_port(forwarding.port());
  // Connections are taken in the order in which they come.
  EXPECT_EQ(exchange(connect_to_port(forwarding.port()), "second"), "SECOND");
  forwarding.stop_listening();
  EXPECT_THROW(connect_to_port(forwarding.port()), Error);
  const Forwarding next(*m_machine, {"shout"}, "127.0.0.1", forwarding.port());
  EXPECT_FALSE(forwarding.done());
  EXPECT_EQ(exchange(first, "first"), "FIRST");
  while (!forwarding.done())
    std::this_thread::yield();
}

TEST_F(ForwardingTest, CutsOffWhatIsConnectedWhenItEnds) {
  CancelSource begun;
  m_world->run = [&](const Command&, const CommandIo&, Deadline deadline,
                     const CancelToken& cancel) {
    begun.cancel();
    CommandResult result;
    result.cancelled = wait_readable(cancel.descriptor(), deadline) == Wait::ready;
    return result;
  };
  FileDescriptor socket;
  {
    const Forwarding forwarding(*m_machine, {"wait"});
    socket = connect_to_port(forwarding.port());
    ASSERT_EQ(wait_readable(begun.token().descriptor(), Deadline::after(std::chrono::minutes(1))),
              Wait::ready);
  }
  EXPECT_EQ(read_to_end(socket.get()), "");
}

TEST_F(ForwardingTest, EndsAConnectionWhenItsMachineIsLost) {
  m_world->run = [](const Command&, const CommandIo&, Deadline,
                    const CancelToken&) -> CommandResult {
    throw Error(ErrorCode::lost, "it is gone");
  };
  const Forwarding forwarding(*m_machine, {"anything"});
  EXPECT_EQ(read_to_end(connect_to_port(forwarding.port()).get()), "");
}

}  // namespace
}  // namespace nestbox
