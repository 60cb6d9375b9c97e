// The very agent program, as its host sees it on the wire.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "tests/unit/guest/agent_program.hpp"

namespace nestbox {
namespace {

using test::AgentProgram;
using test::RawPeer;
using test::start_agent;

std::string run_of(std::vector<std::string> argv, bool input = false) {
  RunMessage message;
  message.argv = std::move(argv);
  message.input = input;
  return encode(message);
}

std::string shell(std::string script, bool input = false) {
  return run_of({"/bin/sh", "-c", std::move(script)}, input);
}

/// Bytes of resident memory of a process.
std::size_t resident_memory(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class AgentServer : public testing::Test {
protected:
  AgentServer() : m_agent(start_agent()), m_host(std::move(m_agent.socket)) {}

  /// How a stream ended, other streams' frames passed over.
  /// Credits what comes before it: a command's last output goes ahead of its exit.
  std::optional<ExitMessage> exit_of(std::uint32_t stream) {
    while (const auto message = m_host.next()) {
      if (message->type == FrameType::exit && message->stream == stream)
        return decode_exit(message->payload);
      if (message->type == FrameType::output && message->stream == stream)
        m_host.send(FrameType::credit, stream,
                    encode_credit(static_cast<std::uint32_t>(message->payload.size())));
    }
    return std::nullopt;
  }

  AgentProgram m_agent;
  RawPeer m_host;
};

TEST_F(AgentServer, GreetsByItselfAndThenAnswersWithTheHostsNonce) {
  const auto first = m_host.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(decode_hello(first->payload)->nonce, Nonce{});
  m_host.say_hello('a');
  const auto second = m_host.next();
  ASSERT_TRUE(second);
  const auto hello = decode_hello(second->payload);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->nonce[15], 'a');
  EXPECT_EQ(hello->protocol, k_protocol_version);
  EXPECT_EQ(hello->agent_version, NESTBOX_VERSION);
  EXPECT_NE(hello->kernel_release, "");
}

TEST_F(AgentServer, AnswersRequestsWrittenAllAtOnce) {
  std::string bytes;
  HelloMessage hello;
  hello.nonce.fill('p');
  append_frame(bytes, FrameType::hello, 0, encode(hello));
  append_frame(bytes, FrameType::thaw, 1,
               encode(ThawMessage{"clone", std::string(32, 'a'), std::string(64, 'e'), 1, {}, {}}));
  append_frame(bytes, FrameType::run, 2, shell("printf out; exit 4"));
  append_frame(bytes, FrameType::ping, 3, "nonce");
  m_host.send_bytes(bytes);
  const auto done = m_host.next(FrameType::done);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->stream, 1u);
  EXPECT_EQ(m_host.next(FrameType::pong), (RawPeer::Message{FrameType::pong, 3, "nonce"}));
  EXPECT_EQ(m_host.next(FrameType::output), (RawPeer::Message{FrameType::output, 2, "out"}));
  EXPECT_EQ(exit_of(2), (ExitMessage{.code = 4}));
}

TEST_F(AgentServer, IgnoresRequestsOutsideASession) {
  m_host.send(FrameType::ping, 1, "too early");
  m_host.say_hello('a');
  m_host.send(FrameType::ping, 2, "in time");
  EXPECT_EQ(m_host.next(FrameType::pong), (RawPeer::Message{FrameType::pong, 2, "in time"}));
}

TEST_F(AgentServer, FindsFramesAmongGarbage) {
  m_host.send_bytes("\n\nnest garbage");
  m_host.say_hello('a');
  std::string cut;
  append_frame(cut, FrameType::ping, 1, "cut");
  m_host.send_bytes(std::string(200'000, '\xFF') + cut.substr(0, 12));
  m_host.send(FrameType::ping, 2, "whole");
  EXPECT_EQ(m_host.next(FrameType::pong), (RawPeer::Message{FrameType::pong, 2, "whole"}));
}

TEST_F(AgentServer, RefusesUnsoundRequestsAndGoesOn) {
  m_host.say_hello('a');
  for (const FrameType type : {FrameType::run, FrameType::thaw, FrameType::put, FrameType::get}) {
    m_host.send(type, 1, "unsound");
    const auto error = m_host.next(FrameType::error);
    ASSERT_TRUE(error);
    EXPECT_EQ(decode_error(error->payload)->kind, ErrorMessage::Kind::invalid);
  }
  for (const FrameType type :
       {FrameType::credit, FrameType::resize, FrameType::input, FrameType::end, FrameType::kill,
        FrameType::tree, FrameType::exit, FrameType{99}})
    m_host.send(type, 77, "x");
  m_host.send(FrameType::ping, 2, "alive");
  EXPECT_EQ(m_host.next(FrameType::pong), (RawPeer::Message{FrameType::pong, 2, "alive"}));
}

TEST_F(AgentServer, DropsTheFormerSessionAndItsProcesses) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, shell("echo $$; exec sleep 1000"));
  const auto output = m_host.next(FrameType::output);
  ASSERT_TRUE(output);
  const pid_t pid = std::stoi(output->payload);
  m_host.say_hello('b');
  m_host.send(
      FrameType::run, 1,
      shell("while kill -0 " + std::to_string(pid) + " 2>/dev/null; do :; done; echo gone"));
  const auto gone = m_host.next(FrameType::output);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->payload, "gone\n");
  EXPECT_EQ(exit_of(1), ExitMessage{});
}

TEST_F(AgentServer, KeepsTheSessionWhenTheSameHelloComesTwice) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, shell("read line; echo $line", true));
  m_host.say_hello('a');
  m_host.send(FrameType::input, 1, "kept\n");
  EXPECT_EQ(m_host.next(FrameType::output), (RawPeer::Message{FrameType::output, 1, "kept\n"}));
}

TEST_F(AgentServer, EndsTheSessionWithQuiesce) {
  m_host.say_hello('a');
  m_host.send(FrameType::quiesce, 1);
  ASSERT_TRUE(m_host.next(FrameType::done));
  m_host.send(FrameType::ping, 2, "unheard");
  m_host.say_hello('b');
  m_host.send(FrameType::ping, 3, "heard");
  EXPECT_EQ(m_host.next(FrameType::pong), (RawPeer::Message{FrameType::pong, 3, "heard"}));
}

TEST_F(AgentServer, HoldsAFloodBackUntilThereIsCreditAndLetsOthersPass) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, shell("exec cat /dev/zero"));
  std::size_t received = 0;
  while (received < k_output_window) {
    const auto piece = m_host.next(FrameType::output);
    ASSERT_TRUE(piece);
    received += piece->payload.size();
  }
  EXPECT_EQ(received, k_output_window);
  m_host.send(FrameType::run, 2, shell("echo through"));
  EXPECT_EQ(m_host.next(FrameType::output), (RawPeer::Message{FrameType::output, 2, "through\n"}));
  EXPECT_EQ(exit_of(2), ExitMessage{});
  m_host.send(FrameType::credit, 1, encode_credit(1000));
  const auto more = m_host.next(FrameType::output);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->payload.size(), 1000u);
  m_host.send(FrameType::kill, 1);
  m_host.send(FrameType::credit, 1, encode_credit(k_output_window));
  EXPECT_EQ(exit_of(1), (ExitMessage{.signal = 9}));
  EXPECT_LT(resident_memory(m_agent.process.pid()), 64u << 20);
}

TEST_F(AgentServer, BelievesNoCreditBeyondTheWindow) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, shell("exec cat /dev/zero"));
  m_host.send(FrameType::credit, 1, encode_credit(0xFFFFFFFF));
  m_host.send(FrameType::credit, 1, encode_credit(0xFFFFFFFF));
  m_host.send(FrameType::kill, 1);
  EXPECT_EQ(exit_of(1), (ExitMessage{.signal = 9}));
}

TEST_F(AgentServer, EndsACommandWhoseHostSendsMoreInputThanItHasCreditFor) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, run_of({"sleep", "1000"}, true));
  const std::string piece(k_max_payload, 'i');
  for (std::size_t sent = 0; sent < 3 * k_input_window; sent += piece.size())
    m_host.send(FrameType::input, 1, piece);
  EXPECT_EQ(exit_of(1), (ExitMessage{.signal = 9}));
  EXPECT_LT(resident_memory(m_agent.process.pid()), 64u << 20);
}

TEST_F(AgentServer, RunsAThousandCommandsAtOnceButNoMore) {
  m_host.say_hello('a');
  for (std::uint32_t stream = 1; stream <= 1025; ++stream)
    m_host.send(FrameType::get, stream, "/nonexistent-of-nestbox");
  std::string fragment;
  append_frame(fragment, FrameType::run, 0, "x", k_more);
  for (std::uint32_t stream = 2001; stream <= 2000 + 1024; ++stream) {
    std::string bytes;
    append_frame(bytes, FrameType::run, stream, "x", k_more);
    m_host.send_bytes(bytes);
  }
  m_host.send(FrameType::run, 9999, shell("true"));
  const auto refused = m_host.next(FrameType::error);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->stream, 9999u);
}

TEST_F(AgentServer, KillsWhatACommandLeavesRunning) {
  m_host.say_hello('a');
  m_host.send(
      FrameType::run, 1,
      shell("(setsid sleep 1000 & echo $!); setsid sh -c 'sleep 1000 & echo $!' &  wait $!"));
  std::string pids;
  std::optional<RawPeer::Message> message;
  while ((message = m_host.next()) && message->type != FrameType::exit)
    if (message->type == FrameType::output)
      pids += message->payload;
  ASSERT_TRUE(message);
  std::istringstream list(pids);
  int count = 0;
  for (pid_t pid; list >> pid; ++count)
    EXPECT_NE(kill(pid, 0), 0) << pid;
  EXPECT_EQ(count, 2);
}

/// Ends by itself and leaves a process behind, whose id it prints.
std::string leaving(std::string script) {
  RunMessage message;
  message.argv = {"/bin/sh", "-c", std::move(script)};
  message.leaves_running = true;
  return encode(message);
}

TEST_F(AgentServer, LeavesRunningWhatIsToGoOn) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, leaving("sleep 1000 & echo $!; exit 3"));
  const auto output = m_host.next(FrameType::output);
  ASSERT_TRUE(output);
  EXPECT_EQ(exit_of(1), (ExitMessage{.code = 3}));
  m_host.send(FrameType::run, 2, shell("true"));
  EXPECT_EQ(exit_of(2), ExitMessage{});
  EXPECT_EQ(kill(std::stoi(output->payload), SIGKILL), 0);
}

TEST_F(AgentServer, KillsWhatIsToGoOnWithACommandThatIsKilled) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, leaving("sleep 1000 & echo $!; sleep 1000"));
  const auto output = m_host.next(FrameType::output);
  ASSERT_TRUE(output);
  m_host.send(FrameType::kill, 1);
  EXPECT_TRUE(exit_of(1));
  EXPECT_NE(kill(std::stoi(output->payload), 0), 0);
}

TEST_F(AgentServer, EndsWithItsConnectionAndTakesItsCommandsAlong) {
  m_host.say_hello('a');
  m_host.send(FrameType::run, 1, shell("echo $$; exec sleep 1000"));
  const auto output = m_host.next(FrameType::output);
  ASSERT_TRUE(output);
  m_host.close();
  const auto status = m_agent.process.wait(Deadline::after(std::chrono::seconds(10)));
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success());
  // The process tree of the agent ends before its Process does.
  EXPECT_NE(kill(std::stoi(output->payload), 0), 0);
}

TEST_F(AgentServer, RefusesAThawOfNonsense) {
  m_host.say_hello('a');
  const ThawMessage good{"clone", std::string(32, 'a'), std::string(64, 'e'), 1, {}, {}};
  ThawMessage bad = good;
  bad.hostname = "a b";
  m_host.send(FrameType::thaw, 1, encode(bad));
  EXPECT_EQ(decode_error(m_host.next(FrameType::error)->payload)->text, "'a b' is no hostname");
  bad = good;
  bad.machine_id = "short";
  m_host.send(FrameType::thaw, 2, encode(bad));
  EXPECT_EQ(decode_error(m_host.next(FrameType::error)->payload)->text, "'short' is no machine-id");
  bad = good;
  bad.entropy = "little";
  m_host.send(FrameType::thaw, 3, encode(bad));
  EXPECT_EQ(decode_error(m_host.next(FrameType::error)->payload)->text,
            "too little or too much entropy");
}

}  // namespace
}  // namespace nestbox
