#include "harness/guest/agent_transport.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/socket_pair.hpp"
#include "tests/unit/guest/agent_program.hpp"

namespace nestbox {
namespace {

using test::RawPeer;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(20));
}

/// A transport and the agent that it talks to.
struct Agent {
  test::AgentProgram program = test::start_agent();
  std::unique_ptr<Transport> transport = make_agent_transport(std::move(program.socket));
};

/// A transport whose agent is played by the test.
struct Played {
  explicit Played(SocketPair ends = SocketPair())
      : agent(std::move(ends.theirs)), transport(make_agent_transport(std::move(ends.ours))) {}

  /// Answers the host's hello as an agent would.
  void greet(std::uint32_t protocol = k_protocol_version) {
    const auto hello = agent.next(FrameType::hello);
    ASSERT_TRUE(hello);
    HelloMessage answer = *decode_hello(hello->payload);
    answer.protocol = protocol;
    agent.send(FrameType::hello, 0, encode(answer));
  }

  RawPeer agent;
  std::unique_ptr<Transport> transport;
};

Command shell(std::string script) {
  Command command;
  command.argv = {"/bin/sh", "-c", std::move(script)};
  return command;
}

template <class Function>
Error error_of(Function&& function) {
  const auto result = catch_error(std::forward<Function>(function));
  return result ? Error(ErrorCode::usage, "no error at all") : result.error();
}

CommandIo collecting(std::string& output) {
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) { output += bytes; };
  return io;
}

TEST(AgentBinary, IsWhatItsDigestSaysAndSmall) {
  EXPECT_EQ(agent_binary(), read_file(NESTBOX_AGENT_PATH));
  EXPECT_EQ(sha256(agent_binary()), agent_digest());
  EXPECT_LT(agent_binary().size(), 2u << 20);
}

TEST(AgentTransport, KeepsStreamsApartAndTellsTheExitCode) {
  Agent agent;
  std::string output, diagnostics;
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    (stream == OutputStream::standard_output ? output : diagnostics) += bytes;
  };
  const CommandResult result =
      agent.transport->run(shell("echo out; echo err >&2; exit 7"), io, soon(), {});
  EXPECT_EQ(result.status, (ExitStatus{.code = 7}));
  EXPECT_EQ(output, "out\n");
  EXPECT_EQ(diagnostics, "err\n");
}

TEST(AgentTransport, GivesACommandTheDefaultEnvironmentAndItsOwn) {
  Agent agent;
  Command command;
  command.argv = {"env"};
  command.environment = {{"LANG", "C"}, {"MINE", "with spaces\nand lines"}};
  std::string output;
  EXPECT_TRUE(agent.transport->run(command, collecting(output), soon(), {}).status.success());
  EXPECT_EQ(output,
            "TERM=dumb\n"
            "PATH=/run/nestbox/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
            "HOME=/root\nUSER=root\n"
            "LOGNAME=root\nLANG=C\nMINE=with spaces\nand lines\n");
}

TEST(AgentTransport, GivesCommandsTheEnvironmentOfAnAgentOnStandardStreams) {
  test::AgentProgram agent = test::start_piped_agent({{"MINE", "its own"}, {"PATH", "/bin"}});
  const auto transport = make_agent_transport(std::move(agent.socket));
  std::string output;
  const Command command{.argv = {"env"}, .environment = {{"MORE", "given"}}};
  EXPECT_TRUE(transport->run(command, collecting(output), soon(), {}).status.success());
  EXPECT_EQ(output, "TERM=dumb\nMINE=its own\nPATH=/bin\nHOME=/root\nUSER=root\nLOGNAME=root\n"
                    "LANG=C.UTF-8\nMORE=given\n");
}

TEST(AgentTransport, SaysWhyAProgramCannotRunTheWayAShellDoes) {
  Agent agent;
  Command command;
  command.argv = {"no-such-program"};
  std::string output;
  EXPECT_EQ(agent.transport->run(command, collecting(output), soon(), {}).status.code, 127);
  EXPECT_EQ(output, "nestbox: cannot run 'no-such-program': No such file or directory\n");
  command.argv = {"/etc"};
  output.clear();
  EXPECT_EQ(agent.transport->run(command, collecting(output), soon(), {}).status.code, 126);
  EXPECT_EQ(output, "nestbox: cannot run '/etc': Permission denied\n");
  command.argv = {"true"};
  command.working_directory = "/no/such/directory";
  output.clear();
  EXPECT_EQ(agent.transport->run(command, collecting(output), soon(), {}).status.code, 126);
  EXPECT_EQ(output, "nestbox: cannot enter '/no/such/directory': No such file or directory\n");
}

TEST(AgentTransport, RunsAScriptWithoutAnInterpreterLine) {
  const TemporaryDirectory directory;
  const fs::path script = directory.path() / "script";
  std::ofstream(script) << "echo \"$0 $1\"\n";
  fs::permissions(script, fs::perms(0755));
  Agent agent;
  Command command;
  command.argv = {"./script", "argument"};
  command.working_directory = directory.path();
  std::string output;
  EXPECT_TRUE(agent.transport->run(command, collecting(output), soon(), {}).status.success());
  EXPECT_EQ(output, "./script argument\n");
}

TEST(AgentTransport, CarriesAnEnvironmentLargerThanAFrame) {
  Agent agent;
  Command command = shell("printf '%s' \"$A$B$C\" | wc -c");
  for (const char* name : {"A", "B", "C"})
    command.environment[name] = std::string(100'000, 'x');
  std::string output;
  EXPECT_TRUE(agent.transport->run(command, collecting(output), soon(), {}).status.success());
  EXPECT_EQ(std::stoi(output), 300'000);
}

TEST(AgentTransport, RefusesACommandThatNoKernelWouldTake) {
  Agent agent;
  Command command = shell("true");
  command.environment["HUGE"] = std::string(3 << 20, 'x');
  EXPECT_EQ(error_of([&] { agent.transport->run(command, {}, soon(), {}); }).code,
            ErrorCode::usage);
  agent.transport->ping(soon(), {});
}

TEST(AgentTransport, FeedsInputToItsEnd) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "input") << std::string(5 << 20, 'i');
  const FileDescriptor input(open((directory.path() / "input").c_str(), O_RDONLY | O_CLOEXEC));
  Agent agent;
  std::string output;
  CommandIo io = collecting(output);
  io.input = input.get();
  EXPECT_TRUE(agent.transport->run(shell("wc -c"), io, soon(), {}).status.success());
  EXPECT_EQ(std::stoi(output), 5 << 20);
}

TEST(AgentTransport, DropsInputThatNobodyReads) {
  const FileDescriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Agent agent;
  CommandIo io;
  io.input = zero.get();
  EXPECT_TRUE(agent.transport->run(shell("exit 0"), io, soon(), {}).status.success());
  agent.transport->ping(soon(), {});
}

TEST(AgentTransport, PassesSixtyFourMegabytesWhole) {
  Agent agent;
  std::size_t total = 0;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) { total += bytes.size(); };
  EXPECT_TRUE(
      agent.transport->run(shell("head -c 67108864 /dev/zero"), io, soon(), {}).status.success());
  EXPECT_EQ(total, 64u << 20);
}

TEST(AgentTransport, GivesACommandATerminalThatCanBeResized) {
  const FileDescriptor resized(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  auto [input, keyboard] = SocketPair();
  Agent agent;
  Command command =
      shell("tty; stty size; trap 'stty size; exit 5' WINCH; echo ready; while :; do read x; done");
  command.terminal = TerminalSize{.rows = 31, .columns = 99};
  std::string output;
  CommandIo io;
  io.output = [&, told = false](OutputStream stream, std::string_view bytes) mutable {
    EXPECT_EQ(stream, OutputStream::standard_output);
    output += bytes;
    if (!told && output.find("ready") != std::string::npos) {
      const std::uint64_t one = 1;
      EXPECT_EQ(write(resized.get(), &one, sizeof one), 8);
      told = true;
    }
  };
  io.input = input.get();
  io.resize_event = resized.get();
  io.resized = [&]() -> std::optional<TerminalSize> {
    std::uint64_t count;
    EXPECT_EQ(read(resized.get(), &count, sizeof count), 8);
    EXPECT_EQ(write(keyboard.get(), "\n", 1), 1);  // dash runs a trap once its read returns
    return TerminalSize{.rows = 40, .columns = 120};
  };
  EXPECT_EQ(agent.transport->run(command, io, soon(), {}).status.code, 5) << output;
  EXPECT_NE(output.find("/dev/pts/"), std::string::npos);
  EXPECT_NE(output.find("31 99"), std::string::npos);
  EXPECT_NE(output.find("40 120"), std::string::npos);
}

TEST(AgentTransport, EndsATreeThatIgnoresSignalsAtTheDeadline) {
  Agent agent;
  std::string output;
  const CommandResult result = agent.transport->run(
      shell("trap '' TERM HUP INT; setsid sleep 1000 & echo $! $$; sleep 1000; sleep 1000"),
      collecting(output), Deadline::after(std::chrono::milliseconds(300)), {});
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.cancelled);
  std::istringstream pids(output);
  int count = 0;
  for (pid_t pid; pids >> pid; ++count)
    EXPECT_NE(kill(pid, 0), 0);
  EXPECT_EQ(count, 2);
}

TEST(AgentTransport, EndsACommandWhenCancelled) {
  Agent agent;
  CancelSource source;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view) { source.cancel(); };
  const CommandResult result =
      agent.transport->run(shell("echo go; sleep 1000"), io, soon(), source.token());
  EXPECT_TRUE(result.cancelled);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.status.signal, 9);
}

TEST(AgentTransport, RunsManyCommandsAtOnceWhileOneFloods) {
  Agent agent;
  CancelSource stop;
  std::thread flood([&] {
    CommandIo io;
    io.output = [](OutputStream, std::string_view) {};
    EXPECT_TRUE(
        agent.transport->run(shell("exec cat /dev/zero"), io, Deadline::never(), stop.token())
            .cancelled);
  });
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i)
    others.emplace_back([&, i] {
      std::string output;
      EXPECT_EQ(agent.transport
                    ->run(shell("echo " + std::to_string(i) + "; exit " + std::to_string(i)),
                          collecting(output), soon(), {})
                    .status.code,
                i);
      EXPECT_EQ(output, std::to_string(i) + "\n");
    });
  for (std::thread& other : others)
    other.join();
  stop.cancel();
  flood.join();
}

TEST(AgentTransport, EndsACommandWhoseOutputNobodyCanTake) {
  Agent agent;
  CommandIo io;
  io.output = [](OutputStream, std::string_view) {
    throw Error(ErrorCode::io, "the disk is full");
  };
  EXPECT_EQ(
      error_of([&] { agent.transport->run(shell("echo x; sleep 1000"), io, soon(), {}); }).message,
      "the disk is full");
  agent.transport->ping(soon(), {});
}

TEST(AgentTransport, CopiesTreesInAndOut) {
  const TemporaryDirectory source, inside, back;
  fs::create_directories(source.path() / "sub dir");
  std::ofstream(source.path() / "sub dir/a\nb") << "content";
  std::ofstream(source.path() / "large") << std::string(3 << 20, 'l');
  fs::create_symlink("sub dir", source.path() / "link");
  Agent agent;
  const std::string destination = inside.path() / "deep/er";
  agent.transport->put(source.path(), {"sub dir/a\nb", "large", "link"}, destination, soon(), {});
  agent.transport->get(destination, back.path() / "made", mebibytes(8), soon(), {});
  EXPECT_EQ(read_file(back.path() / "made/sub dir/a\nb"), "content");
  EXPECT_EQ(read_file(back.path() / "made/large"), std::string(3 << 20, 'l'));
  EXPECT_EQ(fs::read_symlink(back.path() / "made/link"), "sub dir");
}

TEST(AgentTransport, CopiesASingleFileOutAndNothingOfAMissingSource) {
  const TemporaryDirectory source, back;
  std::ofstream(source.path() / "file") << "x";
  Agent agent;
  agent.transport->get(source.path() / "file", back.path(), mebibytes(1), soon(), {});
  EXPECT_EQ(read_file(back.path() / "file"), "x");
  agent.transport->get(source.path() / "missing", back.path() / "none", mebibytes(1), soon(), {});
  EXPECT_FALSE(fs::exists(back.path() / "none"));
}

TEST(AgentTransport, BoundsWhatItCopiesOut) {
  const TemporaryDirectory source, back;
  std::ofstream(source.path() / "file") << std::string(2 << 20, 'x');
  Agent agent;
  const Error error =
      error_of([&] { agent.transport->get(source.path(), back.path(), mebibytes(1), soon(), {}); });
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_EQ(error.message, "a tree holds more bytes than allowed");
  agent.transport->ping(soon(), {});
}

TEST(AgentTransport, SaysWhichFileCouldNotBeCopied) {
  const TemporaryDirectory source;
  Agent agent;
  const Error missing =
      error_of([&] { agent.transport->put(source.path(), {"gone"}, "/tmp", soon(), {}); });
  EXPECT_EQ(missing.message, "cannot read 'gone': No such file or directory");
  std::ofstream(source.path() / "file") << "x";
  const Error refused =
      error_of([&] { agent.transport->put(source.path(), {"file"}, "/proc/nestbox", soon(), {}); });
  EXPECT_EQ(refused.message, "cannot open '/proc/nestbox': No such file or directory");
}

TEST(AgentTransport, BeginsAnotherSessionAfterQuiesce) {
  Agent agent;
  agent.transport->quiesce(soon());
  agent.transport->ping(soon(), {});
  EXPECT_TRUE(agent.transport->run(shell("true"), {}, soon(), {}).status.success());
}

TEST(AgentTransport, SaysLostWhenTheMachineVanishes) {
  Played played;
  std::thread machine([&] {
    played.greet();
    EXPECT_TRUE(played.agent.next(FrameType::run));
    played.agent.close();
  });
  EXPECT_EQ(error_of([&] { played.transport->run(shell("true"), {}, Deadline::never(), {}); }).code,
            ErrorCode::lost);
  machine.join();
  EXPECT_EQ(error_of([&] { played.transport->ping(soon(), {}); }).code, ErrorCode::lost);
}

TEST(AgentTransport, SaysLostWhenTheAgentDoesNotAnswerAPing) {
  Played played;
  EXPECT_EQ(error_of([&] {
              played.transport->ping(Deadline::after(std::chrono::milliseconds(20)), {});
            }).code,
            ErrorCode::lost);
}

TEST(AgentTransport, NoLongerWaitsForAPingThatIsCancelled) {
  Played played;
  CancelSource cancel;
  std::thread machine([&] {
    played.greet();
    EXPECT_TRUE(played.agent.next(FrameType::ping));
    cancel.cancel();
  });
  EXPECT_EQ(error_of([&] { played.transport->ping(Deadline::never(), cancel.token()); }).code,
            ErrorCode::cancelled);
  machine.join();
}

TEST(AgentTransport, EndsACommandAtItsDeadlineWhileItsOutputIsHeldBack) {
  Played played;
  std::promise<void> told_to_end;
  std::thread machine([&] {
    played.greet();
    const auto run = played.agent.next(FrameType::run);
    ASSERT_TRUE(run);
    played.agent.send(FrameType::output, run->stream, "output");
    EXPECT_TRUE(played.agent.next(FrameType::kill));
    told_to_end.set_value();
    played.agent.send(FrameType::exit, run->stream, encode(ExitMessage{.signal = 9}));
  });
  CommandIo io;
  io.output = [&](OutputStream, std::string_view) { told_to_end.get_future().wait(); };
  const CommandResult result =
      played.transport->run(shell("yes"), io, Deadline::after(std::chrono::milliseconds(20)), {});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status, ExitStatus{.signal = 9});
  machine.join();
}

TEST(AgentTransport, DoesNotEndACommandThatHasEndedWhileItsOutputIsHeldBack) {
  Played played;
  std::thread machine([&] {
    played.greet();
    const auto run = played.agent.next(FrameType::run);
    ASSERT_TRUE(run);
    played.agent.send(FrameType::output, run->stream, "output");
    played.agent.send(FrameType::exit, run->stream, encode(ExitMessage{}));
    const auto ping = played.agent.next();
    ASSERT_TRUE(ping && ping->type == FrameType::ping);
    played.agent.send(FrameType::pong, ping->stream, ping->payload);
  });
  CancelSource cancel;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view) {
    // By the answer, that of the command has come, too.
    played.transport->ping(soon(), {});
    cancel.cancel();
  };
  const CommandResult result = played.transport->run(shell("true"), io, soon(), cancel.token());
  EXPECT_FALSE(result.cancelled);
  EXPECT_EQ(result.status, ExitStatus{});
  machine.join();
}

TEST(AgentTransport, WakesTheMachineOfASilentCommand) {
  Played played;
  std::thread machine([&] {
    played.greet();
    const auto run = played.agent.next(FrameType::run);
    ASSERT_TRUE(run);
    EXPECT_EQ(played.agent.next(FrameType::credit),
              (RawPeer::Message{FrameType::credit, run->stream, encode_credit(0)}));
    played.agent.send(FrameType::exit, run->stream, encode(ExitMessage{}));
  });
  EXPECT_EQ(played.transport->run(shell("sleep 9"), {}, soon(), {}).status, ExitStatus{});
  machine.join();
}

TEST(AgentTransport, SaysLostWhenTheAgentWasStartedAgain) {
  Played played;
  played.greet();
  played.agent.send(FrameType::hello, 0, encode(HelloMessage{}));
  const Error error = error_of([&] { played.transport->ping(soon(), {}); });
  EXPECT_EQ(error.code, ErrorCode::lost);
  EXPECT_EQ(error.message, "the machine's agent was killed and started again");
}

TEST(AgentTransport, SaysCorruptWhenTheMachineFloodsItsPortWithGarbage) {
  Played played;
  std::thread machine([&] {
    for (int i = 0; i < 40; ++i)
      played.agent.send_bytes(std::string(64 * 1024, 'g'));
  });
  EXPECT_EQ(error_of([&] { played.transport->ping(soon(), {}); }).code, ErrorCode::corrupt);
  played.transport.reset();
  machine.join();
}

TEST(AgentTransport, SaysCorruptWhenTheAgentIgnoresItsCredit) {
  Played played;
  std::thread machine([&] {
    played.greet();
    const auto run = played.agent.next(FrameType::run);
    ASSERT_TRUE(run);
    for (int i = 0; i < 100; ++i)
      played.agent.send(FrameType::output, run->stream, std::string(k_max_payload, 'o'));
  });
  // Nothing is used up until all is sent, so nothing gives the agent more credit.
  CommandIo io;
  io.output = [&](OutputStream, std::string_view) {
    if (machine.joinable())
      machine.join();
  };
  EXPECT_EQ(error_of([&] { played.transport->run(shell("true"), io, soon(), {}); }).code,
            ErrorCode::corrupt);
}

TEST(AgentTransport, SaysCorruptForAnswersThatMakeNoSense) {
  const std::vector<std::pair<FrameType, std::string>> answers = {{FrameType::exit, "short"},
                                                                  {FrameType::done, ""},
                                                                  {FrameType::error, ""},
                                                                  {FrameType{77}, ""}};
  for (const auto& [type, payload] : answers) {
    Played played;
    std::thread machine([&] {
      played.greet();
      const auto run = played.agent.next(FrameType::run);
      ASSERT_TRUE(run);
      played.agent.send(type, run->stream, payload);
    });
    EXPECT_EQ(error_of([&] { played.transport->run(shell("true"), {}, soon(), {}); }).code,
              ErrorCode::corrupt);
    machine.join();
  }
}

TEST(AgentTransport, RefusesAnAgentOfAnotherProtocol) {
  Played played;
  played.greet(k_protocol_version + 1);
  const Error error = error_of([&] { played.transport->ping(soon(), {}); });
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_EQ(error.message, "the machine's agent speaks protocol 3, not 2");
}

TEST(AgentTransport, PassesOverWhatAFormerHostAskedFor) {
  Played played;
  std::thread machine([&] {
    played.agent.send_bytes("the end of a frame that was cut");
    played.agent.send(FrameType::pong, 1, "an answer to somebody else");
    played.greet();
    const auto ping = played.agent.next(FrameType::ping);
    ASSERT_TRUE(ping);
    played.agent.send(FrameType::pong, ping->stream, ping->payload);
  });
  played.transport->ping(soon(), {});
  machine.join();
}

}  // namespace
}  // namespace nestbox
