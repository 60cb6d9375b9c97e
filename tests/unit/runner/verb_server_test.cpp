#include "runner/verb_server.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tests/unit/runner/calling_program.hpp"

namespace nestbox {
namespace {

std::string read_to_end(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

int repeat_call(const std::string& caller, const VerbCall& call, VerbChannel& channel) {
  channel.write(OutputStream::standard_output, caller + ": " + join(call.argv, " "));
  return 3;
}

int wait_for_the_end(const std::string&, const VerbCall&, VerbChannel& channel) {
  channel.write(OutputStream::standard_output, "waiting");
  wait_readable(channel.token().descriptor(), Deadline::after(std::chrono::minutes(1)));
  return 0;
}

TEST(VerbServer, AnswersWithOutputAndExitCode) {
  VerbServer server(repeat_call);
  CallingProgram program;
  program.call({"exec", "b", "--", "ls"});
  server.serve("a", program.host_end());
  EXPECT_EQ(program.finish(), 3);
  EXPECT_EQ(program.output(), "a: exec b -- ls");
}

TEST(VerbServer, HandsOnInputThatComesWithTheCall) {
  VerbServer server([](const std::string&, const VerbCall&, VerbChannel& channel) {
    channel.write(OutputStream::standard_output, read_to_end(channel.input()));
    return 0;
  });
  CallingProgram program;
  program.call({"exec"}, "typed");
  server.serve("a", program.host_end());
  EXPECT_EQ(program.finish(), 0);
  EXPECT_EQ(program.output(), "typed");
}

TEST(VerbServer, HoldsBackInputThatNobodyReads) {
  std::promise<void> go;
  VerbServer server([&](const std::string&, const VerbCall&, VerbChannel& channel) {
    go.get_future().wait();
    return static_cast<int>(read_to_end(channel.input()).size() >> 20);
  });
  CallingProgram program;
  server.serve("a", program.host_end());
  std::thread sender([&] { program.call({"exec"}, std::string(8 << 20, 'x')); });
  go.set_value();
  EXPECT_EQ(program.finish(), 8);
  sender.join();
}

TEST(VerbServer, CancelsWhenTheCallerHangsUp) {
  std::promise<bool> cancelled;
  VerbServer server([&](const std::string&, const VerbCall&, VerbChannel& channel) {
    cancelled.set_value(
        wait_readable(channel.token().descriptor(), Deadline::after(std::chrono::minutes(1)))
        == Wait::ready);
    return 0;
  });
  CallingProgram program;
  server.serve("a", program.host_end());
  program.call({"exec"}, std::string(100'000, 'x'));
  program.hang_up();
  EXPECT_TRUE(cancelled.get_future().get());
}

TEST(VerbServer, HangsUpOnWhoeverSpeaksOtherwise) {
  VerbServer server(repeat_call);
  CallingProgram program;
  program.send("GET / HTTP/1.1\r\nHost: nestbox, which is not one\r\n\r\n");
  server.serve("a", program.host_end());
  EXPECT_EQ(program.finish(), std::nullopt);
}

TEST(VerbServer, EndsItsCallsWithItself) {
  CallingProgram waiting;
  CallingProgram silent;
  {
    VerbServer server(wait_for_the_end);
    waiting.call({"barrier"});
    server.serve("a", waiting.host_end());
    server.serve("a", silent.host_end());
  }
  EXPECT_EQ(silent.finish(), std::nullopt);
}

TEST(VerbServer, RefusesCallsBeyondItsBound) {
  VerbServer server(wait_for_the_end);
  std::vector<CallingProgram> programs(129);
  for (CallingProgram& program : programs)
    server.serve("a", program.host_end());
  EXPECT_EQ(programs.back().finish(), std::nullopt);
}

TEST(VerbServer, SurvivesAHandlerThatThrows) {
  VerbServer server([](const std::string&, const VerbCall&, VerbChannel&) -> int {
    throw Error(ErrorCode::io, "no disk");
  });
  CallingProgram program;
  program.call({"exec"});
  server.serve("a", program.host_end());
  EXPECT_EQ(program.finish(), std::nullopt);
}

}  // namespace
}  // namespace nestbox
