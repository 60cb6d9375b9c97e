// The verb protocol: its bytes, its order, the host's side of it and the very client of a machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "harness/base/filesystem.hpp"
#include "harness/base/result.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/guest/verb_connection.hpp"
#include "harness/model/verb_usage.hpp"

namespace nestbox {
namespace {

using namespace std::string_literals;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(60));
}

VerbCall exec_call() {
  return {.argv = {"exec", "b", "--", "cat"}, .working_directory = "/w", .input = true};
}

template <class... Messages>
std::string bytes_of(const Messages&... messages) {
  std::string bytes;
  (append(bytes, messages), ...);
  return bytes;
}

/// What a decoder makes of bytes: one line a message, and why it stopped.
std::string story(VerbDecoder::Sender sender, std::string_view bytes) {
  VerbDecoder decoder(sender);
  std::string lines;
  while (true) {
    while (const auto message = decoder.next()) {
      if (const auto* call = std::get_if<VerbCall>(&*message))
        lines += "call " + std::to_string(call->argv.size()) + "\n";
      if (const auto* input = std::get_if<VerbInput>(&*message))
        lines += "input " + std::to_string(input->bytes.size()) + "\n";
      if (std::get_if<VerbInputEnd>(&*message))
        lines += "end\n";
      if (const auto* output = std::get_if<VerbOutput>(&*message))
        lines += (output->error ? "error " : "output ") + std::string(output->bytes) + "\n";
      if (const auto* exit = std::get_if<VerbExit>(&*message))
        lines += "exit " + std::to_string(exit->code) + "\n";
    }
    if (!decoder.sound())
      return lines + decoder.problem();
    if (bytes.empty())
      return lines;
    const FrameDecoder::Space space = decoder.space();
    const std::size_t count = std::min(space.size, bytes.size());
    std::memcpy(space.data, bytes.data(), count);
    decoder.filled(count);
    bytes.remove_prefix(count);
  }
}

TEST(VerbProtocol, WritesACallLikeThis) {
  EXPECT_EQ(bytes_of(VerbCall{.argv = {"net", "heal"}, .working_directory = "/w"})
                .substr(k_frame_header_size),
            "\x01\0\0\0\0\x02\0\0\0/w\x02\0\0\0\x03\0\0\0net\x04\0\0\0heal"s);
}

TEST(VerbProtocol, CarriesACallItsInputItsOutputAndItsExit) {
  EXPECT_EQ(story(VerbDecoder::Sender::caller,
                  bytes_of(exec_call(), VerbInput{"abc"}, VerbInput{""}, VerbInputEnd{})),
            "call 4\ninput 3\nend\n");
  EXPECT_EQ(story(VerbDecoder::Sender::host,
                  bytes_of(VerbOutput{false, "out"}, VerbOutput{true, "err"}, VerbExit{7})),
            "output out\nerror err\nexit 7\n");
}

TEST(VerbProtocol, CutsWhatIsLongerThanAFrame) {
  VerbCall call = exec_call();
  call.argv.push_back(std::string(200'000, 'x'));
  EXPECT_EQ(story(VerbDecoder::Sender::caller,
                  bytes_of(call, VerbInput{std::string(k_max_payload + 1, 'i')})),
            "call 5\ninput 65536\ninput 1\n");
}

TEST(VerbProtocol, HoldsEachSideToItsOrder) {
  const auto caller = VerbDecoder::Sender::caller;
  const auto host = VerbDecoder::Sender::host;
  VerbCall without_input = exec_call();
  without_input.input = false;
  EXPECT_EQ(story(caller, bytes_of(VerbInput{"x"})), "a frame where it has no meaning");
  EXPECT_EQ(story(caller, bytes_of(exec_call(), exec_call())),
            "call 4\na frame where it has no meaning");
  EXPECT_EQ(story(caller, bytes_of(without_input, VerbInput{"x"})),
            "call 4\na frame after the last");
  EXPECT_EQ(story(caller, bytes_of(exec_call(), VerbInputEnd{}, VerbInput{"x"})),
            "call 4\nend\na frame after the last");
  EXPECT_EQ(story(host, bytes_of(exec_call())), "a frame where it has no meaning");
  EXPECT_EQ(story(host, bytes_of(VerbExit{}, VerbExit{})), "exit 0\na frame after the last");
}

TEST(VerbProtocol, RefusesWhatIsNoCall) {
  const auto caller = VerbDecoder::Sender::caller;
  EXPECT_EQ(story(caller, "GET / HTTP/1.1\r\nHost: nestbox\r\n\r\n"), "bytes that are no frame");
  EXPECT_EQ(story(caller, "garbage before" + bytes_of(exec_call())), "bytes that are no frame");
  VerbCall call = exec_call();
  call.working_directory = "relative";
  EXPECT_EQ(story(caller, bytes_of(call)), "a call of unsound bytes");
  call = exec_call();
  call.argv[1] = "a\0b"s;
  EXPECT_EQ(story(caller, bytes_of(call)), "a call of unsound bytes");
  call = exec_call();
  call.argv.assign(40, std::string(60'000, 'x'));
  EXPECT_EQ(story(caller, bytes_of(call)), "a call of more than 2 MiB");
  std::string other = bytes_of(exec_call());
  other[k_frame_header_size] = 9;
  EXPECT_EQ(story(caller, other), "another version of the protocol");
}

TEST(VerbConnection, FeedsInputToItsEnd) {
  SocketPair ends;
  VerbConnection connection(std::move(ends.ours));
  const std::string bytes =
      bytes_of(exec_call(), VerbInput{"first "}, VerbInput{"second"}, VerbInputEnd{});
  ASSERT_EQ(::send(ends.theirs.get(), bytes.data(), bytes.size(), 0), std::ssize(bytes));
  EXPECT_EQ(connection.read_call(soon()), exec_call());
  std::string input;
  char buffer[100];
  for (ssize_t count; (count = ::read(connection.input(), buffer, sizeof buffer)) > 0;)
    input.append(buffer, static_cast<std::size_t>(count));
  EXPECT_EQ(input, "first second");
  EXPECT_FALSE(connection.gone().cancelled());
}

TEST(VerbConnection, NoticesThatTheCallerHasGoneWhileNobodyReadsItsInput) {
  SocketPair ends;
  VerbConnection connection(std::move(ends.ours));
  std::string bytes = bytes_of(exec_call(), VerbInput{std::string(150'000, 'i')});
  ASSERT_EQ(::send(ends.theirs.get(), bytes.data(), bytes.size(), 0), std::ssize(bytes));
  connection.read_call(soon());
  ends.theirs.close();
  EXPECT_EQ(wait_readable(connection.gone().descriptor(), soon()), Wait::ready);
  const auto written =
      catch_error([&] { connection.write_output(OutputStream::standard_output, "for nobody"); });
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::cancelled);
  connection.write_exit(0);
}

TEST(VerbConnection, SaysWhatIsWrongWithACaller) {
  SocketPair ends;
  VerbConnection connection(std::move(ends.ours));
  ASSERT_EQ(::send(ends.theirs.get(), "garbage that is no frame", 24, 0), 24);
  const auto call = catch_error([&] { return connection.read_call(soon()); });
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, ErrorCode::corrupt);
  EXPECT_EQ(call.error().message, "a caller sent bytes that are no frame");
}

TEST(VerbConnection, IsCancelledByACallerThatGoesWithoutAWord) {
  SocketPair ends;
  VerbConnection connection(std::move(ends.ours));
  ends.theirs.close();
  const auto call = catch_error([&] { return connection.read_call(soon()); });
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, ErrorCode::cancelled);
}

/// The agent's program by its other name, and a host that serves it.
class VerbClient : public testing::Test {
protected:
  VerbClient() {
    fs::create_symlink(NESTBOX_AGENT_PATH, m_directory.path() / "nestbox");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(m_listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(listen(m_listener.get(), 1), 0);
  }

  std::string path() const { return m_directory.path() / "host.sock"; }
  FileDescriptor accept() { return FileDescriptor(::accept(m_listener.get(), nullptr, nullptr)); }

  ProcessSpec client(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), m_directory.path() / "nestbox");
    return {.argv = std::move(arguments),
            .working_directory = m_directory.path(),
            .environment = {{{k_host_socket_variable, path()}}}};
  }

  Captured run(std::vector<std::string> arguments) const {
    return run_captured(client(std::move(arguments)), soon());
  }

  TemporaryDirectory m_directory;
  FileDescriptor m_listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

TEST_F(VerbClient, PrintsWhatTheHostSaysAndEndsAsTheHostSays) {
  std::thread host([&] {
    VerbConnection connection(accept());
    const VerbCall call = connection.read_call(soon());
    EXPECT_EQ(call.argv, (std::vector<std::string>{"net", "heal"}));
    EXPECT_EQ(call.working_directory, m_directory.path());
    EXPECT_FALSE(call.terminal);
    EXPECT_FALSE(call.input);
    connection.write_output(OutputStream::standard_output, "healed\n");
    connection.write_output(OutputStream::standard_error, "a word\n");
    connection.write_exit(9);
  });
  const Captured result = run({"net", "heal"});
  host.join();
  EXPECT_EQ(result.output, "healed\n");
  EXPECT_EQ(result.diagnostics, "a word\n");
  EXPECT_EQ(result.status.code, 9);
}

TEST_F(VerbClient, HandsOnItsInputToACommandAndTakesMuchOutput) {
  const std::string much(3'000'000, 'm');
  write_file_atomically(m_directory.path() / "input", much);
  const FileDescriptor input(open((m_directory.path() / "input").c_str(), O_RDONLY | O_CLOEXEC));
  std::thread host([&] {
    VerbConnection connection(accept());
    EXPECT_TRUE(connection.read_call(soon()).input);
    char buffer[65536];
    for (ssize_t count; (count = ::read(connection.input(), buffer, sizeof buffer)) > 0;)
      connection.write_output(OutputStream::standard_output,
                              {buffer, static_cast<std::size_t>(count)});
    connection.write_exit(0);
  });
  ProcessSpec spec = client({"exec", "b", "--", "cat"});
  spec.descriptors[0] = input.get();
  const Captured result = run_captured(spec, soon());
  host.join();
  EXPECT_TRUE(result.output == much);
  EXPECT_EQ(result.status, ExitStatus{});
}

TEST_F(VerbClient, IsCancelledByItsOwnEnd) {
  Process process = Process::spawn(client({"exec", "b", "--", "sleep", "1000"}));
  VerbConnection connection(accept());
  connection.read_call(soon());
  process.signal(SIGINT);
  EXPECT_EQ(wait_readable(connection.gone().descriptor(), soon()), Wait::ready);
}

TEST_F(VerbClient, SaysThatThereIsNoHost) {
  m_listener.close();
  const Captured result = run({"net", "heal"});
  EXPECT_EQ(result.status.code, 125);
  EXPECT_EQ(result.diagnostics,
            "nestbox: no host listens at '" + path() + "': Connection refused\n");
}

TEST_F(VerbClient, SaysThatTheHostSpeaksGarbageOrHangsUp) {
  std::thread host([&] {
    const FileDescriptor garbled = accept();
    EXPECT_EQ(::send(garbled.get(), "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", 30, 0), 30);
    accept();
  });
  const Captured garbage = run({"net", "heal"});
  EXPECT_EQ(garbage.status.code, 125);
  EXPECT_EQ(garbage.diagnostics, "nestbox: the host does not speak this protocol: it sent bytes "
                                 "that are no frame\n");
  const Captured silence = run({"net", "heal"});
  host.join();
  EXPECT_EQ(silence.status.code, 125);
  EXPECT_EQ(silence.diagnostics, "nestbox: the host ended the call before the verb was done\n");
}

TEST_F(VerbClient, SaysWhatItCanDo) {
  const Captured help = run({});
  EXPECT_EQ(help.status, ExitStatus{});
  for (const VerbUsage& verb : verb_usages())
    EXPECT_NE(help.output.find("nestbox " + std::string(verb.name)), std::string::npos);
  EXPECT_EQ(run({"--help"}).output, help.output);
}

}  // namespace
}  // namespace nestbox
