#include "vmdrivers/qemu/qmp_client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "harness/base/pipe.hpp"
#include "harness/base/socket_pair.hpp"

namespace nestbox::qemu {
namespace {

using nlohmann::json;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(20));
}

/// A client whose thread reads, and the other end, which the test plays.
class QmpClientTest : public testing::Test {
protected:
  QmpClientTest() : QmpClientTest(SocketPair()) {}
  ~QmpClientTest() override {
    m_qemu.close();
    m_reader.join();
  }

  void say(const std::string& line) {
    const std::string text = line + "\n";
    ASSERT_EQ(::write(m_qemu.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  /// The next command that the client sent.
  json heard() {
    while (m_heard.find('\n') == std::string::npos) {
      std::array<char, 4096> buffer;
      const ssize_t count = ::read(m_qemu.get(), buffer.data(), buffer.size());
      if (count <= 0)
        return {};
      m_heard.append(buffer.data(), static_cast<std::size_t>(count));
    }
    const std::size_t end = m_heard.find('\n');
    json command = json::parse(m_heard.substr(0, end));
    m_heard.erase(0, end + 1);
    return command;
  }

  FileDescriptor m_qemu;
  std::vector<std::string> m_events;
  QmpClient m_client;

private:
  explicit QmpClientTest(SocketPair ends)
      : m_qemu(std::move(ends.theirs)),
        m_client(std::move(ends.ours),
                 [this](const QmpEvent& event) { m_events.push_back(event.name); }),
        m_reader([this] {
          while (wait_readable(m_client.descriptor(), soon()) == Wait::ready
                 && m_client.receive()) {
          }
        }) {}

  std::string m_heard;
  std::thread m_reader;
};

TEST_F(QmpClientTest, MatchesAnswersToCommandsInAnyOrder) {
  std::thread other([&] { EXPECT_EQ(m_client.execute({"query-name"}, soon())["name"], "second"); });
  const json first = heard();
  std::thread one(
      [&] { EXPECT_EQ(m_client.execute({"query-status"}, soon())["status"], "running"); });
  const json second = heard();
  say(R"({"return": {"status": "running"}, "id": )" + second["id"].dump() + "}");
  say(R"({"event": "RESUME"})");
  say(R"({"return": {"name": "second"}, "id": )" + first["id"].dump() + "}");
  one.join();
  other.join();
  EXPECT_EQ(m_events, std::vector<std::string>{"RESUME"});
}

TEST_F(QmpClientTest, ReportsARefusalWithTheCommandsName) {
  std::thread qemu([&] {
    say(R"({"error": {"class": "GenericError", "desc": "no such thing"}, "id": )"
        + heard()["id"].dump() + "}");
  });
  try {
    m_client.execute({"migrate", {{"uri", "fd:state"}}}, soon());
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_EQ(error.message, "no such thing");
    ASSERT_EQ(error.trace.size(), 1u);
    EXPECT_NE(error.trace[0].find("'migrate'"), std::string::npos);
  }
  qemu.join();
}

TEST_F(QmpClientTest, ReportsGarbageWithTheCommandThatWaitedForIt) {
  std::thread qemu([&] {
    heard();
    say("lorem ipsum");
  });
  try {
    m_client.execute({"query-status"}, soon());
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_EQ(error.message, "qemu sent what is no QMP: 'lorem ipsum'");
    ASSERT_EQ(error.trace.size(), 1u);
    EXPECT_NE(error.trace[0].find("'query-status'"), std::string::npos);
  }
  qemu.join();
}

TEST_F(QmpClientTest, SaysWhenQemuHasGone) {
  std::thread qemu([&] {
    heard();
    ::shutdown(m_qemu.get(), SHUT_RDWR);
  });
  try {
    m_client.execute({"query-status"}, soon());
    ADD_FAILURE() << "not lost";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::lost);
  }
  qemu.join();
}

TEST_F(QmpClientTest, GivesUpAtTheDeadline) {
  try {
    m_client.execute({"query-status"}, Deadline::after(std::chrono::milliseconds(1)));
    ADD_FAILURE() << "not timed out";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::timeout);
  }
}

TEST_F(QmpClientTest, PostsManyCommandsAtOnceAndKeepsTheFirstRefusal) {
  m_client.post({{"qmp_capabilities"}, {"migrate-incoming", {{"uri", "fd:6"}}}, {"cont"}});
  EXPECT_EQ(heard()["execute"], "qmp_capabilities");
  const json incoming = heard();
  EXPECT_EQ(incoming["arguments"]["uri"], "fd:6");
  const json resume = heard();
  EXPECT_EQ(m_client.refusal(), std::nullopt);
  say(R"({"error": {"desc": "bad state"}, "id": )" + incoming["id"].dump() + "}");
  say(R"({"error": {"desc": "not now"}, "id": )" + resume["id"].dump() + "}");
  std::thread qemu([&] { say(R"({"return": {}, "id": )" + heard()["id"].dump() + "}"); });
  m_client.execute({"query-status"}, soon());
  qemu.join();
  ASSERT_TRUE(m_client.refusal());
  EXPECT_EQ(m_client.refusal()->message, "bad state");
}

TEST_F(QmpClientTest, PassesADescriptorAlong) {
  Pipe pipe;
  std::thread qemu([&] {
    std::array<char, 4096> bytes;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ASSERT_GT(::recvmsg(m_qemu.get(), &message, 0), 0);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    ASSERT_NE(header, nullptr);
    int received = -1;
    std::memcpy(&received, CMSG_DATA(header), sizeof(int));
    const FileDescriptor passed(received);
    ASSERT_EQ(::write(passed.get(), "x", 1), 1);
    say(R"({"return": {}, "id": 1})");
  });
  m_client.execute({"getfd", {{"fdname", "state"}}, pipe.writing.get()}, soon());
  qemu.join();
  char byte = 0;
  EXPECT_EQ(::read(pipe.reading.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

}  // namespace
}  // namespace nestbox::qemu
