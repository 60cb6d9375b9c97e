#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>

#include "harness/base/error.hpp"
#include "harness/base/socket_pair.hpp"
#include "vmdrivers/docker/container_link.hpp"
#include "vmdrivers/docker/event_watcher.hpp"
#include "vmdrivers/docker/hijacked_stream.hpp"
#include "vmdrivers/docker/json_lines.hpp"
#include "vmdrivers/docker/stream_decoder.hpp"

namespace nestbox::docker {
namespace {

using namespace std::string_literals;
using nlohmann::json;

std::string piece(char stream, const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string header = {stream, 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8)
    header += static_cast<char>(size >> shift & 0xFF);
  return header + bytes;
}

struct Streams {
  std::string output;
  std::string error_output;
  StreamDecoder decoder;

  bool feed(std::string_view bytes) {
    return decoder.feed(bytes, [this](StreamDecoder::Stream stream, std::string_view part) {
      (stream == StreamDecoder::Stream::output ? output : error_output) += part;
    });
  }
};

TEST(StreamDecoder, TakesTheTwoStreamsApart) {
  Streams streams;
  EXPECT_TRUE(streams.feed(piece(1, "one") + piece(2, "bad") + piece(1, "") + piece(1, " two")));
  EXPECT_EQ(streams.output, "one two");
  EXPECT_EQ(streams.error_output, "bad");
}

TEST(StreamDecoder, DoesNotMindHowTheBytesCome) {
  const std::string bytes = piece(1, "one") + piece(2, std::string(300, 'e')) + piece(1, "two");
  Streams streams;
  for (const char byte : bytes)
    EXPECT_TRUE(streams.feed({&byte, 1}));
  EXPECT_EQ(streams.output, "onetwo");
  EXPECT_EQ(streams.error_output, std::string(300, 'e'));
}

TEST(StreamDecoder, RefusesWhatNoEngineSends) {
  for (const std::string& bad :
       {piece(0, "x"), piece(3, "x"), "\1\1\0\0\0\0\0\1x"s, "HTTP/1.1 200 OK\r\n"s}) {
    Streams streams;
    EXPECT_FALSE(streams.feed(bad));
    EXPECT_FALSE(streams.feed(piece(1, "late")));
    EXPECT_EQ(streams.output, "");
  }
}

TEST(JsonLines, AreTakenWholeHoweverTheyCome) {
  std::vector<json> seen;
  const auto sink = [&](const json& document) { seen.push_back(document); };
  JsonLines lines;
  lines.feed("{\"a\":1}\r\n\n{\"b\"", sink);
  lines.feed(":2}\n[3", sink);
  EXPECT_EQ(seen, (std::vector<json>{{{"a", 1}}, {{"b", 2}}}));
  lines.feed("]", sink);
  lines.finish(sink);
  EXPECT_EQ(seen.back(), json::parse("[3]"));
}

TEST(JsonLines, AreRefusedWhenTheyAreNoneOrTooLong) {
  const auto sink = [](const json&) {};
  JsonLines broken;
  EXPECT_THROW(broken.feed("nonsense\n", sink), Error);
  JsonLines endless;
  EXPECT_THROW(
      {
        for (int i = 0; i < 20; ++i)
          endless.feed(std::string(100'000, ' '), sink);
      },
      Error);
}

TEST(ContainerEvents, AreReadFromWhatTheEngineTells) {
  EXPECT_EQ(parse_event(json::parse(R"({"Type": "container", "Action": "die",
              "Actor": {"ID": "0af3", "Attributes": {"exitCode": "137"}}})")),
            (ContainerEvent{"0af3", "die", 137}));
  for (const char* other : {R"({"Type": "network", "Action": "die", "Actor": {"ID": "0af3"}})",
                            R"({"Type": "container", "Action": "die"})", "[]",
                            R"({"Type": "container", "Action": 5, "Actor": {"ID": "0af3"}})",
                            R"({"Type": "container", "Action": "die", "Actor": []})"})
    EXPECT_EQ(parse_event(json::parse(other)), std::nullopt) << other;
}

TEST(HijackedStream, KnowsAStatusLine) {
  EXPECT_EQ(status_of("HTTP/1.1 101 UPGRADED\r\n"), 101);
  EXPECT_EQ(status_of("HTTP/1.0 404 Not Found"), 404);
  for (const char* bad : {"", "HTTP/1.1", "HTTP/2 200 OK", "HTTP/1.1 x01 A", "SSH-2.0-OpenSSH"})
    EXPECT_EQ(status_of(bad), 0) << bad;
}

/// A link between two sockets that the test holds the far ends of.
struct LinkTest : testing::Test {
  static Deadline soon() { return Deadline::after(std::chrono::seconds(30)); }

  static std::string receive(const FileDescriptor& socket, std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t done = 0;
    while (done < count && wait_readable(socket.get(), soon()) == Wait::ready) {
      const ssize_t got = ::recv(socket.get(), bytes.data() + done, count - done, 0);
      if (got <= 0)
        break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

  static void send(const FileDescriptor& socket, const std::string& bytes) {
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  /// Waits for the handler of `on_end`.
  Condition ended() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_end.has_value(); });
    return *m_end;
  }

  void watch_end() {
    link->on_end([this](Condition condition) {
      const std::lock_guard lock(m_mutex);
      m_end = condition;
      m_changed.notify_all();
    });
  }

  SocketPair engine;
  SocketPair transport;
  std::unique_ptr<ContainerLink> link =
      std::make_unique<ContainerLink>(std::move(engine.theirs), std::move(transport.theirs));

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::optional<Condition> m_end;
};

TEST_F(LinkTest, CarriesBytesBothWaysAndKeepsWhatTheContainerSays) {
  send(transport.ours, "question");
  EXPECT_EQ(receive(engine.ours, 8), "question");
  send(engine.ours, piece(2, "a word\n") + piece(1, "answer"));
  EXPECT_EQ(receive(transport.ours, 6), "answer");
  EXPECT_EQ(link->console(), "a word\n");
  EXPECT_EQ(link->condition(), Condition::running);
}

TEST_F(LinkTest, PassesTheEndOfTheTransportOn) {
  transport.ours.close();
  EXPECT_EQ(receive(engine.ours, 1), "");
}

TEST_F(LinkTest, TellsThatAContainerHasStopped) {
  watch_end();
  link->exited(0);
  engine.ours.close();
  EXPECT_EQ(ended(), Condition::stopped);
  EXPECT_EQ(receive(transport.ours, 1), "");
  EXPECT_EQ(link->condition(), Condition::stopped);
}

TEST_F(LinkTest, TellsThatAContainerIsLost) {
  watch_end();
  link->exited(137);
  engine.ours.close();
  EXPECT_EQ(ended(), Condition::lost);
}

TEST_F(LinkTest, TellsThatTheEngineIsGone) {
  watch_end();
  engine.ours.close();
  EXPECT_EQ(ended(), Condition::lost);
}

TEST_F(LinkTest, TellsAnEndAtOnceToWhoAsksLater) {
  link->exited(0);
  engine.ours.close();
  EXPECT_EQ(receive(transport.ours, 1), "");
  watch_end();
  EXPECT_EQ(ended(), Condition::stopped);
}

TEST_F(LinkTest, IsSilentAboutAnEndThatWasAskedFor) {
  bool told = false;
  link->on_end([&](Condition) { told = true; });
  link->quit();
  engine.ours.close();
  EXPECT_EQ(receive(transport.ours, 1), "");
  link.reset();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace nestbox::docker
