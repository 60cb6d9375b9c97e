// Calls from the very agent program's programs to the host, and what a host does about an agent
// that breaks their rules.
#include "harness/guest/agent_calls.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/guest/agent_transport.hpp"
#include "tests/unit/guest/agent_program.hpp"

namespace nestbox {
namespace {

using test::RawPeer;

constexpr std::size_t k_much = 10 * 1024 * 1024;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(60));
}

/// All until the end, or until nothing has come for too long.
std::string read_to_end(int descriptor) {
  std::string all;
  char buffer[65536];
  while (wait_readable(descriptor, soon()) == Wait::ready) {
    const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
    if (count <= 0)
      return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
  return all + "(no end)";
}

void send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool ended(int descriptor) {
  pollfd entry{descriptor, POLLRDHUP, 0};
  return poll(&entry, 1, soon().poll_timeout()) > 0;
}

std::string pattern(char seed) {
  std::string bytes(k_much, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(seed + static_cast<char>(i % 251));
  return bytes;
}

std::ptrdiff_t descriptors_of(const std::string& process) {
  return std::distance(fs::directory_iterator("/proc/" + process + "/fd"),
                       fs::directory_iterator());
}

class AgentCall : public testing::Test {
protected:
  std::string path() const { return m_directory.path() / "host.sock"; }

  /// Takes the calls that come.
  void listen() {
    m_transport->on_call([this](FileDescriptor socket) {
      const std::lock_guard lock(m_mutex);
      m_calls.push_back(std::move(socket));
      m_came.notify_all();
    });
    m_transport->ping(soon(), {});  // the session is there, and so is the socket
  }

  FileDescriptor next_call() {
    std::unique_lock lock(m_mutex);
    if (!m_came.wait_until(lock, soon().instant(), [&] { return !m_calls.empty(); }))
      return {};
    FileDescriptor call = std::move(m_calls.front());
    m_calls.erase(m_calls.begin());
    return call;
  }

  TemporaryDirectory m_directory;
  test::AgentProgram m_agent = test::start_agent(path());
  std::mutex m_mutex;
  std::condition_variable m_came;
  std::vector<FileDescriptor> m_calls;
  std::unique_ptr<Transport> m_transport = make_agent_transport(std::move(m_agent.socket));
};

TEST_F(AgentCall, CarriesTenMegabytesEachWayAtOnceAndAHalfClose) {
  listen();
  const FileDescriptor program = test::connect_to(path());
  const FileDescriptor host = next_call();
  ASSERT_TRUE(host);
  const std::string question = pattern('q');
  const std::string answer = pattern('a');
  std::thread asker([&] {
    send_all(program.get(), question);
    shutdown(program.get(), SHUT_WR);
  });
  std::thread answerer([&] { send_all(host.get(), answer); });
  std::string heard;
  std::thread listener([&] { heard = read_to_end(host.get()); });
  std::string told;
  while (told.size() < answer.size()) {
    char buffer[65536];
    const ssize_t count = recv(program.get(), buffer, sizeof buffer, 0);
    ASSERT_GT(count, 0);
    told.append(buffer, static_cast<std::size_t>(count));
  }
  asker.join();
  answerer.join();
  listener.join();
  EXPECT_TRUE(heard == question);
  EXPECT_TRUE(told == answer);
  // The program has said all, but the host has not.
  send_all(host.get(), "and then");
  shutdown(host.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(program.get()), "and then");
}

TEST_F(AgentCall, IsForRootAlone) {
  listen();
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AgentCall, IsRefusedAtOnceWhereNobodyTakesIt) {
  m_transport->ping(soon(), {});
  EXPECT_EQ(read_to_end(test::connect_to(path()).get()), "");
  listen();
  m_transport->on_call({});
  EXPECT_EQ(read_to_end(test::connect_to(path()).get()), "");
}

TEST_F(AgentCall, HeedsOthersWhileNobodyReadsIt) {
  listen();
  const FileDescriptor stuck = test::connect_to(path());
  const FileDescriptor unread = next_call();
  std::thread flood([&] { send_all(stuck.get(), pattern('f')); });
  const FileDescriptor program = test::connect_to(path());
  const FileDescriptor host = next_call();
  send_all(program.get(), "hello");
  shutdown(program.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(host.get()), "hello");
  m_transport->ping(soon(), {});
  shutdown(stuck.get(), SHUT_RDWR);
  flood.join();
}

TEST_F(AgentCall, TellsTheHostThatTheProgramHasGoneEvenWhileItIsNotRead) {
  listen();
  FileDescriptor program = test::connect_to(path());
  const FileDescriptor host = next_call();
  std::thread flood([&] { send_all(program.get(), pattern('f')); });
  // Far more than is under way unread by the time it goes.
  ASSERT_EQ(wait_readable(host.get(), soon()), Wait::ready);
  shutdown(program.get(), SHUT_RDWR);
  flood.join();
  program.close();
  EXPECT_TRUE(ended(host.get()));
}

TEST_F(AgentCall, TellsTheProgramThatTheHostHasGoneAfterAllItSaid) {
  listen();
  const FileDescriptor program = test::connect_to(path());
  FileDescriptor host = next_call();
  send_all(program.get(), "never read");
  send_all(host.get(), "goodbye");
  host.close();
  EXPECT_EQ(read_to_end(program.get()), "goodbye");
  EXPECT_TRUE(ended(program.get()));
}

TEST_F(AgentCall, IsOneOfSixtyFourAtATime) {
  listen();
  std::vector<FileDescriptor> programs, hosts;
  for (std::size_t i = 0; i < k_max_calls; ++i) {
    programs.push_back(test::connect_to(path()));
    hosts.push_back(next_call());
    ASSERT_TRUE(hosts.back());
  }
  EXPECT_EQ(read_to_end(test::connect_to(path()).get()), "");
  hosts.front().close();
  EXPECT_EQ(read_to_end(programs.front().get()), "");
  programs.front().close();
  m_transport->ping(soon(), {});
  const FileDescriptor again = test::connect_to(path());
  EXPECT_TRUE(next_call());
}

TEST_F(AgentCall, EndsWithTheSessionAndCanBeMadeInTheNext) {
  listen();
  const FileDescriptor program = test::connect_to(path());
  const FileDescriptor host = next_call();
  m_transport->quiesce(soon());
  EXPECT_EQ(read_to_end(program.get()), "");
  EXPECT_EQ(read_to_end(host.get()), "");
  EXPECT_EQ(read_to_end(test::connect_to(path()).get()), "");  // no host is there
  m_transport->ping(soon(), {});
  const FileDescriptor second = test::connect_to(path());
  const FileDescriptor answer = next_call();
  send_all(answer.get(), "new");
  shutdown(answer.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(second.get()), "new");
}

TEST_F(AgentCall, LeavesNothingAfterAHundred) {
  listen();
  const auto once = [&] {
    const FileDescriptor program = test::connect_to(path());
    const FileDescriptor host = next_call();
    send_all(program.get(), "question");
    shutdown(program.get(), SHUT_WR);
    EXPECT_EQ(read_to_end(host.get()), "question");
    send_all(host.get(), "answer");
    shutdown(host.get(), SHUT_WR);
    EXPECT_EQ(read_to_end(program.get()), "answer");
  };
  once();
  m_transport->ping(soon(), {});
  const std::string agent = read_file("/proc/" + std::to_string(m_agent.process.pid()) + "/task/"
                                      + std::to_string(m_agent.process.pid()) + "/children");
  const std::string pid = agent.substr(0, agent.find(' '));
  const auto ours = descriptors_of("self");
  const auto theirs = descriptors_of(pid);
  for (int i = 0; i < 100; ++i)
    once();
  m_transport->ping(soon(), {});
  EXPECT_EQ(descriptors_of("self"), ours);
  EXPECT_EQ(descriptors_of(pid), theirs);
}

/// Frames as an agent sends them, and what the host answers.
class AgentCallsOfAPlayedAgent : public testing::Test {
protected:
  static constexpr std::uint32_t k_stream = k_first_call_stream + 5;

  bool receive(FrameType type, std::string_view payload = {}) {
    return m_calls.receive({.type = type, .flags = 0, .stream = k_stream, .payload = payload});
  }

  std::vector<FrameType> m_sent;
  AgentCalls m_calls{[this](FrameType type, std::uint32_t stream, std::string_view) {
    EXPECT_EQ(stream, k_stream);
    m_sent.push_back(type);
  }};
};

TEST_F(AgentCallsOfAPlayedAgent, MayNotSendMoreThanTheirCredit) {
  ASSERT_TRUE(receive(FrameType::call));
  const std::vector<FileDescriptor> unread = m_calls.take_new();
  // Past what the socket itself takes and is credited for.
  bool sound = true;
  for (int i = 0; i < 100 && sound; ++i)
    sound = receive(FrameType::output, std::string(k_max_payload, 'x'));
  EXPECT_FALSE(sound);
}

TEST_F(AgentCallsOfAPlayedAgent, MayNotOpenACallTwiceNorSendWhatHasNoMeaning) {
  ASSERT_TRUE(receive(FrameType::call));
  EXPECT_FALSE(receive(FrameType::call));
  EXPECT_FALSE(receive(FrameType::exit));
  EXPECT_TRUE(receive(FrameType::end));
  EXPECT_FALSE(receive(FrameType::output, "after its end"));
}

TEST_F(AgentCallsOfAPlayedAgent, MayStillBeUnderWayOnACallThatHasEnded) {
  EXPECT_TRUE(receive(FrameType::output, "late"));
  EXPECT_TRUE(receive(FrameType::done));
  EXPECT_EQ(m_sent, std::vector<FrameType>{});
}

}  // namespace
}  // namespace nestbox
