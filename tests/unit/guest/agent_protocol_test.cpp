#include "harness/guest/agent_protocol.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

using namespace std::string_literals;

RunMessage full_run() {
  RunMessage message;
  message.argv = {"sh", "-c", "true"};
  message.environment = {"A=b"};
  message.working_directory = "/w";
  message.input = true;
  message.terminal = RunMessage::Terminal{24, 80};
  message.leaves_running = true;
  return message;
}

TEST(AgentProtocol, WritesARunLikeThis) {
  EXPECT_EQ(
      encode(full_run()),
      "\x07\x18\0\x50\0\x02\0\0\0/w\x03\0\0\0\x02\0\0\0sh\x02\0\0\0-c\x04\0\0\0true\x01\0\0\0\x03\0\0\0A=b"s);
}

TEST(AgentProtocol, WritesAnExitLikeThis) {
  EXPECT_EQ(encode(ExitMessage{.code = 3, .signal = 9, .oom_kills = 1}),
            "\x03\0\0\0\x09\0\0\0\x01\0\0\0"s);
}

TEST(AgentProtocol, WritesAThawLikeThis) {
  const ThawMessage message{
      .hostname = "h",
      .machine_id = "m",
      .entropy = "e",
      .realtime = 258,
      .interfaces = {{.mac = "M", .addresses = {"a"}, .mtu = 1400, .routes = {{"d", "g"}}}},
      .hosts = {"H"}};
  EXPECT_EQ(encode(message), "\x01\0\0\0h\x01\0\0\0m\x01\0\0\0e\x02\x01\0\0\0\0\0\0"
                             "\x01\0\0\0\x01\0\0\0M\x78\x05\0\0\x01\0\0\0\x01\0\0\0a"
                             "\x01\0\0\0\x01\0\0\0d\x01\0\0\0g\x01\0\0\0\x01\0\0\0H"s);
}

TEST(AgentProtocol, WritesAHelloLikeThis) {
  HelloMessage message;
  message.nonce.fill('n');
  message.agent_version = "1";
  EXPECT_EQ(encode(message), "\x02\0\0\0\x10\0\0\0nnnnnnnnnnnnnnnn\x01\0\0\0"
                             "1\0\0\0\0"s);
}

TEST(AgentProtocol, ReadsBackWhatItWrote) {
  EXPECT_EQ(decode_run(encode(full_run())), full_run());
  HelloMessage hello;
  hello.nonce.fill('x');
  hello.kernel_release = "6.1";
  EXPECT_EQ(decode_hello(encode(hello)), hello);
  const ExitMessage exit{.code = 255, .signal = 0, .oom_kills = 7};
  EXPECT_EQ(decode_exit(encode(exit)), exit);
  const ErrorMessage error{ErrorMessage::Kind::invalid, "why"};
  EXPECT_EQ(decode_error(encode(error)), error);
  const ThawMessage thaw{.hostname = "h",
                         .machine_id = "m",
                         .entropy = std::string(64, '\0'),
                         .realtime = -5,
                         .interfaces = {{}, {.mac = "M", .addresses = {"a", "b"}}},
                         .hosts = {"1 a", "2 b"}};
  EXPECT_EQ(decode_thaw(encode(thaw)), thaw);
  EXPECT_EQ(decode_resize(encode_resize({50, 132})), (RunMessage::Terminal{50, 132}));
  EXPECT_EQ(decode_credit(encode_credit(70000)), 70000u);
}

TEST(AgentProtocol, RefusesEveryTruncationAndAnythingLeftOver) {
  const std::string bytes = encode(full_run());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_run(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_FALSE(decode_run(bytes + '\0'));
}

TEST(AgentProtocol, RefusesARunOfNothingAndNulBytesInIt) {
  RunMessage message = full_run();
  message.argv.clear();
  EXPECT_FALSE(decode_run(encode(message)));
  message = full_run();
  message.argv[1] = "a\0b"s;
  EXPECT_FALSE(decode_run(encode(message)));
}

TEST(AgentProtocol, RefusesAnExitThatNoProcessCanHave) {
  EXPECT_FALSE(decode_exit(encode(ExitMessage{.code = 256})));
  EXPECT_FALSE(decode_exit(encode(ExitMessage{.signal = -1})));
}

TEST(AgentProtocol, ReservesNoMemoryForClaimedCounts) {
  EXPECT_FALSE(decode_run("\0\0\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF"s));
}

}  // namespace
}  // namespace nestbox
