#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/guest/powershell_command.hpp"
#include "harness/guest/run_in_machine.hpp"
#include "harness/guest/ssh_machine.hpp"
#include "tests/support/ssh_server.hpp"
#include "tests/support/windows_shell.hpp"
#include "vmdrivers/ssh/driver.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(120s);
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// A stand-in for a Windows host behind a real sshd, with this shell.
class WindowsHost : public testing::TestWithParam<WindowsShell> {
protected:
  void SetUp() override {
    if (!test::has_ssh_server())
      GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
    set_log_sink([](LogLevel, std::string_view) {});
    m_server.emplace(test::windows_shell(GetParam()));
    ::setenv("NESTBOX_SSH_CONFIG", (m_directory.path() / "ssh.yml").c_str(), 1);
    ::setenv("XDG_STATE_HOME", (m_directory.path() / "state").c_str(), 1);
    use_host("windows: true");
  }
  void TearDown() override { set_log_sink(nullptr); }

  void use_host(const std::string& more) {
    std::ofstream(m_directory.path() / "ssh.yml")
        << "hosts: {lab: {address: 127.0.0.1, port: " << m_server->port()
        << ", identity: " << m_server->identity().string()
        << ", known_hosts: " << m_server->known_hosts().string() << ", " << more << "}}\n";
  }

  std::unique_ptr<Machine> boot(bool windows = true) {
    MachineSpec spec;
    spec.name = "win";
    spec.windows = windows;
    return m_driver->boot(spec, {}, soon(), {});
  }

  Machine& machine() {
    if (!m_machine)
      m_machine = boot();
    return *m_machine;
  }

  Captured run(const Command& command) {
    return run_in_machine(machine().transport(), command, soon(), {});
  }

  /// Where the machine's drive C: is.
  fs::path drive() const { return m_server->home() / "c"; }
  fs::path workspace() const { return drive() / "nestbox/workspace"; }

  TemporaryDirectory m_directory;
  std::optional<test::SshServer> m_server;
  std::unique_ptr<Driver> m_driver = ssh::make_driver({});
  std::unique_ptr<Machine> m_machine;
};

INSTANTIATE_TEST_SUITE_P(Shells, WindowsHost,
                         testing::Values(WindowsShell::cmd, WindowsShell::powershell),
                         [](const auto& test) {
                           return test.param == WindowsShell::cmd ? "Cmd" : "Powershell";
                         });

TEST_P(WindowsHost, IsAMachineOfWindows) {
  EXPECT_TRUE(machine().spec().windows);
  EXPECT_EQ(machine().workspace(), "C:\\nestbox\\workspace");
  EXPECT_NO_THROW(machine().transport().ping(soon(), {}));
  EXPECT_TRUE(m_driver->capabilities().windows_machines);
  EXPECT_FALSE(m_driver->capabilities().linux_machines);
}

TEST_P(WindowsHost, KeepsTheStreamsApartAndPassesTheExitCode) {
  const Captured done = run({.argv = {"sh", "-c", "echo out; echo err >&2; exit 7"}});
  EXPECT_EQ(done.output, "out\n");
  EXPECT_EQ(done.diagnostics, "err\n");
  EXPECT_EQ(done.status, (ExitStatus{7, 0}));
}

TEST_P(WindowsHost, PassesEveryCharacterOfArgumentsAndVariables) {
  const std::string odd = "a 'b' \"c\"\n$d\t*\\ ‘e’ `f` %PATH% \\\\\" é;|&";
  EXPECT_EQ(run({.argv = {"printf", "%s|%s|%s", odd, "", "\\"}}).output, odd + "||\\");
  EXPECT_EQ(
      run({.argv = {"sh", "-c", "printf %s \"$NAME\""}, .environment = {{"NAME", odd}}}).output,
      odd);
}

TEST_P(WindowsHost, TakesMoreVariablesThanACommandLineHolds) {
  Command command = {.argv = {"sh", "-c", "printf %s \"$V7\" | wc -c"}};
  for (int i = 0; i < 10; ++i)
    command.environment["V" + std::to_string(i)] = std::string(10'000, 'x');
  EXPECT_THAT(run(command).output, HasSubstr("10000"));
}

TEST_P(WindowsHost, RunsScriptsOfPowershellAndCmd) {
  const fs::path source = m_directory.path() / "source";
  fs::create_directories(source / "a b");
  write_file(
      source / "a b/test.ps1",
      "# a test\nWrite-Output \"of $env:NAME\"\n[Console]::Error.WriteLine('bad')\nexit 3\n");
  write_file(source / "a b/test.cmd", "@echo off\r\necho of %NAME%\r\nexit /b 4\r\n");
  machine().transport().put(source, {"a b/test.ps1", "a b/test.cmd"},
                            machine().workspace() + "/src", soon(), {});
  Command command = {.argv = {"./a b/test.ps1"},
                     .environment = {{"NAME", "mine"}},
                     .working_directory = machine().workspace() + "/src"};
  const Captured powershell = run(command);
  EXPECT_EQ(powershell.output, "of mine\r\n");
  EXPECT_EQ(powershell.diagnostics, "bad\r\n");
  EXPECT_EQ(powershell.status, (ExitStatus{3, 0}));
  command.argv = {"./a b/test.cmd"};
  const Captured cmd = run(command);
  EXPECT_EQ(cmd.output, "of mine\r\n");
  EXPECT_EQ(cmd.status, (ExitStatus{4, 0}));
}

TEST_P(WindowsHost, SaysLikeAShellWhatCannotRun) {
  const Captured missing = run({.argv = {"no-such-program-anywhere"}});
  EXPECT_EQ(missing.status, (ExitStatus{127, 0}));
  EXPECT_THAT(missing.diagnostics, HasSubstr("nestbox: cannot run 'no-such-program-anywhere': "));
  write_file(workspace() / "plain", "x");
  EXPECT_EQ(run({.argv = {"./plain"}}).status, (ExitStatus{126, 0}));
  const Captured nowhere = run({.argv = {"true"}, .working_directory = "C:\\nowhere"});
  EXPECT_EQ(nowhere.status, (ExitStatus{126, 0}));
  EXPECT_THAT(nowhere.diagnostics, HasSubstr("nestbox: cannot enter 'C:\\nowhere'"));
}

TEST_P(WindowsHost, FeedsInputToItsEnd) {
  write_file(m_directory.path() / "input", std::string(1'000'000, 'x'));
  const FileDescriptor input(::open((m_directory.path() / "input").c_str(), O_RDONLY | O_CLOEXEC));
  std::string output;
  machine().transport().run(
      {.argv = {"wc", "-c"}},
      {.output = [&](OutputStream, std::string_view bytes) { output += bytes; },
       .input = input.get()},
      soon(), {});
  EXPECT_THAT(output, HasSubstr("1000000"));
  EXPECT_EQ(run({.argv = {"sh", "-c", "cat; echo done"}}).output, "done\n");
}

TEST_P(WindowsHost, StreamsMuchOutput) {
  std::uint64_t received = 0;
  const CommandIo io = {
      .output = [&](OutputStream, std::string_view bytes) { received += bytes.size(); }};
  machine().transport().run({.argv = {"head", "-c", "20000000", "/dev/zero"}}, io, soon(), {});
  EXPECT_EQ(received, 20'000'000U);
}

TEST_P(WindowsHost, EndsTheTreeOfACommandWhenCancelled) {
  CancelSource source;
  const CommandIo io = {.output = [&](OutputStream, std::string_view bytes) {
    if (bytes.find("ready") != bytes.npos)
      source.cancel();
  }};
  const CommandResult result = machine().transport().run(
      {.argv = {"sh", "-c", "sleep 1000 & echo $! > pid; echo ready; wait; exit 0"}}, io, soon(),
      source.token());
  EXPECT_TRUE(result.cancelled);
  EXPECT_FALSE(result.timed_out);
  EXPECT_FALSE(result.status.success());
  // None when it is also forgotten: who was told to kill it need not have seen it end.
  const int pid = std::stoi(read_file(workspace() / "pid"));
  const FileDescriptor left(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  EXPECT_TRUE(!left || wait_readable(left.get(), soon()) == Wait::ready);
}

TEST_P(WindowsHost, EndsACommandAtTheDeadline) {
  machine();
  const CommandResult result =
      machine().transport().run({.argv = {"sleep", "1000"}}, {}, Deadline::after(100ms), {});
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.cancelled);
  EXPECT_FALSE(result.status.success());
  EXPECT_EQ(run({.argv = {"echo", "fine"}}).output, "fine\n");
}

TEST_P(WindowsHost, DoesNotWaitForWhatACommandLeftRunning) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run({.argv = {"sh", "-c", "sleep 60 & echo $!"}}).status, (ExitStatus{0, 0}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 50s);
}

TEST_P(WindowsHost, RunsSeveralCommandsAtOnce) {
  machine();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this, i] {
      const std::string number = std::to_string(i);
      EXPECT_EQ(run({.argv = {"echo", number}}).output, number + "\n");
    });
  for (std::thread& thread : threads)
    thread.join();
}

TEST_P(WindowsHost, CarriesTreesThereAndBack) {
  const fs::path source = m_directory.path() / "source";
  fs::create_directories(source / "deep/er");
  fs::create_directories(source / "empty");
  write_file(source / "deep/er/a b", std::string(500'000, 'x'));
  write_file(source / "it's", "y");
  write_file(source / "grüße", "z");
  Transport& transport = machine().transport();
  const std::string there = machine().workspace() + "/tree";
  transport.put(source, {"deep/er/a b", "empty", "it's", "grüße"}, there, soon(), {});
  EXPECT_EQ(read_file(workspace() / "tree/it's"), "y");
  write_file(source / "it's", "new");
  transport.put(source, {"it's"}, there, soon(), {});
  transport.get(there, m_directory.path() / "back", mebibytes(1), soon(), {});
  EXPECT_EQ(read_file(m_directory.path() / "back/deep/er/a b"), std::string(500'000, 'x'));
  EXPECT_EQ(read_file(m_directory.path() / "back/it's"), "new");
  EXPECT_EQ(read_file(m_directory.path() / "back/grüße"), "z");
  EXPECT_TRUE(fs::is_directory(m_directory.path() / "back/empty"));
  transport.get(there + "/it's", m_directory.path() / "single", mebibytes(1), soon(), {});
  EXPECT_EQ(read_file(m_directory.path() / "single/it's"), "new");
  transport.get(there + "/absent", m_directory.path() / "none", mebibytes(1), soon(), {});
  EXPECT_FALSE(fs::exists(m_directory.path() / "none"));
}

TEST_P(WindowsHost, RefusesTreesThatLeaveTheirRootOrExceedTheLimit) {
  Transport& transport = machine().transport();
  const std::string there = machine().workspace() + "/tree";
  fs::create_directories(m_directory.path() / "source");
  write_file(m_directory.path() / "source/f", std::string(300'000, 'x'));
  for (const std::string name : {"../ssh.yml", "/etc/passwd", "absent"})
    EXPECT_THROW(transport.put(m_directory.path() / "source", {name}, there, soon(), {}), Error);
  transport.put(m_directory.path() / "source", {"f"}, there, soon(), {});
  EXPECT_THROW(transport.get(there, m_directory.path() / "back", kibibytes(100), soon(), {}),
               Error);
}

TEST_P(WindowsHost, HasNoTerminal) {
  EXPECT_THROW(run({.argv = {"true"}, .terminal = TerminalSize{}}), Error);
}

TEST_P(WindowsHost, IsLeasedToOneAtATimeAndCleanedAfter) {
  write_file((machine(), workspace() / "left"), "x");
  run({.argv = {"sh", "-c", "true"}});
  ::setenv("XDG_STATE_HOME", (m_directory.path() / "other").c_str(), 1);
  const Result<std::unique_ptr<Machine>> second = catch_error([&] { return boot(); });
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("host 'lab' is leased to "));
  EXPECT_THAT(second.error().message, HasSubstr("(nestbox, process "));
  m_machine.reset();
  EXPECT_FALSE(fs::exists(workspace()));
  EXPECT_TRUE(boot());
}

TEST_P(WindowsHost, IsNotForTestsOfLinux) {
  const Result<std::unique_ptr<Machine>> machine = catch_error([&] { return boot(false); });
  ASSERT_FALSE(machine);
  EXPECT_THAT(machine.error().message, HasSubstr("no host of Linux is named"));
}

TEST(ScriptHead, IsTakenOffInWhateverPiecesItComes) {
  const std::string said = "nestbox 4711\r\nout\nput";
  for (std::size_t cut = 0; cut <= said.size(); ++cut) {
    ScriptHead head;
    std::string rest(head.take(std::string_view(said).substr(0, cut)));
    rest += head.take(std::string_view(said).substr(cut));
    EXPECT_EQ(rest, "out\nput") << cut;
    EXPECT_EQ(head.process(), 4711U) << cut;
  }
}

TEST(ScriptHead, RefusesAnythingElse) {
  for (const std::string said :
       {"Microsoft Windows", "nestbox\n", "nestbox \n", "nestbox 0\n", "nestbox -1\n",
        "nestbox 12x\n", "nestbox 99999999999\n", "nestbox 1111111111111111111111111111", "\n"})
    EXPECT_THROW(ScriptHead().take(said), Error) << said;
}

TEST(UnixHost, IsNotTakenForWindows) {
  if (!test::has_ssh_server())
    GTEST_SKIP() << "there is no sshd here: apt-get install openssh-server";
  const test::SshServer server;
  std::string held_by;
  const Result<void> leased = catch_error(
      [&] { SshMachine::lease({}, server.endpoint(), {.windows = true}, held_by, soon(), {}); });
  ASSERT_FALSE(leased);
  EXPECT_THAT(leased.error().message,
              HasSubstr("has neither cmd.exe nor PowerShell for a shell: it answers '0'"));
}

}  // namespace
}  // namespace nestbox
