#include "harness/base/subprocess.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"
#include "harness/base/variables.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

Deadline soon() {
  return Deadline::after(30s);
}

ProcessSpec shell(const std::string& script) {
  return {.argv = {"sh", "-c", script}};
}

std::string output_of(ProcessSpec spec) {
  return run_captured(std::move(spec), soon()).output;
}

ErrorCode code_of(const ProcessSpec& spec) {
  try {
    run_captured(spec, soon());
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "did not throw";
  return ErrorCode::usage;
}

// A pipe that a tree of processes tells its pids through, and pidfds of what it told.
class Pids {
public:
  int writing() const { return m_pipe.writing.get(); }

  // Waits for so many lines, each one pid.
  void expect(int count) {
    m_pipe.writing.close();
    std::string text;
    char c = 0;
    while (count > 0 && wait_readable(m_pipe.reading.get(), soon()) == Wait::ready
           && ::read(m_pipe.reading.get(), &c, 1) == 1) {
      if (c != '\n') {
        text += c;
        continue;
      }
      m_pids.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(text), 0)));
      EXPECT_TRUE(m_pids.back()) << text;
      text.clear();
      --count;
    }
    EXPECT_EQ(count, 0);
  }

  bool all_end() const {
    for (const FileDescriptor& pid : m_pids) {
      if (wait_readable(pid.get(), soon()) != Wait::ready)
        return false;
    }
    return true;
  }

  // Ends those that live, which must be so many.
  void kill_living(int count) const {
    for (const FileDescriptor& pid : m_pids)
      count -= ::syscall(SYS_pidfd_send_signal, pid.get(), SIGKILL, nullptr, 0) == 0;
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(all_end());
  }

private:
  Pipe m_pipe;
  std::vector<FileDescriptor> m_pids;
};

// Three that are hard to get rid of: a child that ignores signals, a daemon, and the program
// itself.
const char* const k_stubborn_tree =
    "trap '' TERM HUP INT\n"
    "(trap '' TERM; echo $(exec sh -c 'echo $PPID'); exec sleep 1000) &\n"
    "(setsid sh -c 'echo $$; exec sleep 1000' &)\n"
    "echo $$\n"
    "exec sleep 1000\n";

TEST(ExitStatus, IsSaidInWords) {
  EXPECT_EQ(describe({3, 0}), "exit code 3");
  EXPECT_EQ(describe({0, SIGKILL}), "killed by signal 9 (KILL)");
  EXPECT_EQ((ExitStatus{0, SIGTERM}.shell_code()), 143);
  EXPECT_FALSE((ExitStatus{0, SIGTERM}.success()));
}

TEST(RunCaptured, KeepsTheStreamsApartAndTheStatus) {
  const Captured captured = run_captured(shell("echo out; echo err >&2; exit 7"), soon());
  EXPECT_EQ(captured.output, "out\n");
  EXPECT_EQ(captured.diagnostics, "err\n");
  EXPECT_EQ(captured.status, (ExitStatus{7, 0}));
}

TEST(RunCaptured, TellsTheSignalThatEndedTheProgram) {
  for (const int signal : {SIGTERM, SIGKILL, SIGSEGV, SIGINT})
    EXPECT_EQ(run_captured(shell("kill -" + std::to_string(signal) + " $$"), soon()).status,
              (ExitStatus{0, signal}));
}

TEST(RunCaptured, ReadsOnButDropsBeyondItsLimit) {
  const Captured captured =
      run_captured(shell("head -c 3000000 /dev/zero"), soon(), {}, kibibytes(100));
  EXPECT_EQ(captured.output.size(), 102'400U);
  EXPECT_TRUE(captured.status.success());
}

TEST(RunCaptured, DoesNotWaitForDaemonsThatHoldItsPipes) {
  EXPECT_EQ(output_of(shell("setsid sleep 1000 & echo done")), "done\n");
}

TEST(RunCaptured, LetsGoOnWhatIsToBeLeftRunning) {
  Pids pids;
  ProcessSpec spec =
      shell("(setsid sh -c 'echo $$ >&3; exec sleep 1000' &); read -r go; echo done");
  Pipe input;
  const FileDescriptor copy(::dup(pids.writing()));
  spec.descriptors = {{0, input.reading.get()}, {3, copy.get()}};
  spec.leaves_running = true;
  std::thread starter([&] {
    pids.expect(1);
    input.writing.close();
  });
  EXPECT_EQ(output_of(spec), "done\n");
  starter.join();
  pids.kill_living(1);
}

TEST(RunCaptured, ThrowsAtTheDeadline) {
  try {
    run_captured(shell("sleep 1000"), Deadline::after(50ms));
    ADD_FAILURE() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::timeout);
    EXPECT_EQ(error.message, "'sh' took too long and was ended");
  }
}

TEST(RunCaptured, EndsTheWholeTreeWhenCancelled) {
  Pids pids;
  CancelSource source;
  ProcessSpec spec = shell(std::string("exec >&3\n") + k_stubborn_tree);
  spec.descriptors = {{3, ::dup(pids.writing())}};
  const FileDescriptor copy(spec.descriptors[3]);
  spec.leaves_running = true;  // when it ends by itself
  std::thread canceller([&] {
    pids.expect(3);
    source.cancel();
  });
  try {
    run_captured(spec, Deadline::never(), source.token());
    ADD_FAILURE() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::cancelled);
  }
  canceller.join();
  EXPECT_TRUE(pids.all_end());
}

TEST(RunChecked, ThrowsTheLastWordsOfAFailure) {
  EXPECT_EQ(run_checked(shell("echo fine"), soon()), "fine\n");
  try {
    run_checked(shell("echo 'no such mirror' >&2; exit 100"), soon());
    ADD_FAILURE() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_EQ(error.message, "'sh' failed: exit code 100\nno such mirror");
  }
}

TEST(Process, TellsWhyAProgramCannotRun) {
  const TemporaryDirectory directory;
  const std::string plain = directory.path() / "plain";
  write_file_atomically(plain, "x");
  EXPECT_EQ(code_of({.argv = {"no-such-program-anywhere"}}), ErrorCode::not_found);
  EXPECT_EQ(code_of({.argv = {"/nonexistent/program"}}), ErrorCode::not_found);
  EXPECT_EQ(code_of({.argv = {plain}}), ErrorCode::unsupported);
  EXPECT_EQ(code_of({.argv = {"true"}, .working_directory = "/nonexistent"}),
            ErrorCode::unsupported);
  EXPECT_EQ(code_of({.argv = {}}), ErrorCode::not_found);
  EXPECT_EQ(code_of({.argv = {"true"}, .descriptors = {{5, 99'999}}}), ErrorCode::io);
}

TEST(Process, NamesTheInterpreterAsTheSuspectWhenTheFileExists) {
  const TemporaryDirectory directory;
  const fs::path script = directory.path() / "script";
  write_file_atomically(script, "#!/nonexistent/interpreter\n");
  fs::permissions(script, fs::perms::owner_all);
  try {
    run_captured({.argv = {script}}, soon());
    ADD_FAILURE() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_THAT(error.hint, HasSubstr("interpreter"));
  }
}

TEST(Process, GivesAScriptWithoutInterpreterLineToTheShell) {
  const TemporaryDirectory directory;
  const fs::path script = directory.path() / "script";
  write_file_atomically(script, "echo \"$1\"\n");
  fs::permissions(script, fs::perms::owner_all);
  EXPECT_EQ(output_of({.argv = {script, "a b"}}), "a b\n");
}

TEST(Process, WaitsForAProgramThatIsStillOpenForWriting) {
  const TemporaryDirectory directory;
  const fs::path program = directory.path() / "program";
  fs::copy_file("/bin/true", program);
  FileDescriptor writer(::open(program.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(writer);
  // The writer is late by as much as a busy machine might delay another child's exec.
  std::jthread late([&writer] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    writer.close();
  });
  EXPECT_EQ(Process::spawn({.argv = {program}}).wait(Deadline::after(std::chrono::seconds(10))),
            ExitStatus{});
}

TEST(Process, RunsWhereAndWithWhatItIsTold) {
  const TemporaryDirectory directory;
  const std::string path = fs::canonical(directory.path());
  EXPECT_EQ(output_of({.argv = {"pwd"}, .working_directory = path}), path + "\n");
  EXPECT_EQ(output_of({.argv = {"env"}, .environment = {{{"A", "1 2"}, {"B", ""}}}}),
            "A=1 2\nB=\n");
}

TEST(Process, GetsNoSecretsUnlessTheyAreNamed) {
  const std::vector<std::string> print = {"sh", "-c", "echo $NESTBOX_TEST_WORD$NESTBOX_TEST_TOKEN"};
  ::setenv("NESTBOX_TEST_WORD", "shown ", 1);
  ::setenv("NESTBOX_TEST_TOKEN", "hunter2", 1);
  const ScopeExit unset([] {
    ::unsetenv("NESTBOX_TEST_WORD");
    ::unsetenv("NESTBOX_TEST_TOKEN");
  });
  EXPECT_EQ(output_of({.argv = print}), "shown\n");
  EXPECT_EQ(output_of({.argv = print, .environment = own_variables()}), "shown hunter2\n");
}

TEST(Process, SearchesThePathOfItsOwnEnvironment) {
  const TemporaryDirectory directory;
  const fs::path program = directory.path() / "only-here";
  write_file_atomically(program, "#!/bin/sh\necho found\n");
  fs::permissions(program, fs::perms::owner_all);
  EXPECT_EQ(output_of({.argv = {"only-here"}, .environment = {{{"PATH", directory.path()}}}}),
            "found\n");
}

TEST(Process, InheritsNothingButWhatIsNamed) {
  const FileDescriptor leak(::open("/dev/zero", O_RDONLY));
  const FileDescriptor other(::open("/dev/null", O_RDONLY));
  const std::string open =
      output_of({.argv = {"sh", "-c", "ls /proc/$$/fd; readlink /proc/$$/fd/0"},
                 .descriptors = {{7, other.get()}}});
  EXPECT_EQ(open, "0\n1\n2\n7\n/dev/null\n");
}

TEST(Process, MapsDescriptorsWhoseNumbersOverlap) {
  const TemporaryDirectory directory;
  const auto file = [&](const std::string& content) {
    write_file_atomically(directory.path() / content, content);
    return FileDescriptor(::open((directory.path() / content).c_str(), O_RDONLY));
  };
  const FileDescriptor a = file("a");
  const FileDescriptor b = file("b");
  const std::string script =
      "cat <&" + std::to_string(a.get()) + "; cat <&" + std::to_string(b.get());
  EXPECT_EQ(output_of({.argv = {"bash", "-c", script},
                       .descriptors = {{a.get(), b.get()}, {b.get(), a.get()}}}),
            "ba");
}

TEST(Process, StartsWithDefaultSignalsAndAnEmptyMask) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto pipe_handler = ::signal(SIGPIPE, SIG_IGN);
  const std::string status =
      output_of({.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}});
  ::signal(SIGPIPE, pipe_handler);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, IsInASessionOfItsOwn) {
  for (const bool whole_tree : {false, true}) {
    const TemporaryDirectory directory;
    const FileDescriptor output(
        ::open((directory.path() / "out").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    Process process = Process::spawn({.argv = {"cut", "-d ", "-f1,5,6", "/proc/self/stat"},
                                      .descriptors = {{1, output.get()}},
                                      .whole_tree = whole_tree});
    ASSERT_EQ(process.wait(soon()), (ExitStatus{0, 0}));
    const std::string text = read_file(directory.path() / "out");
    const std::vector<std::string> ids = split(trim(text), ' ');
    EXPECT_EQ(ids, std::vector<std::string>(3, ids[0])) << "pid, process group, session";
  }
}

TEST(Process, WaitsNoLongerThanTold) {
  Process process = Process::spawn({.argv = {"sleep", "1000"}});
  EXPECT_EQ(process.wait(Deadline::after(10ms)), std::nullopt);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(soon()), (ExitStatus{0, SIGTERM}));
  process.signal(SIGTERM);
  process.kill();
  EXPECT_EQ(process.wait(Deadline::after(0s)), (ExitStatus{0, SIGTERM}));
}

TEST(Process, HandsSignalsOnToTheGroupOfATree) {
  Pids pids;
  ProcessSpec spec = shell("trap 'exit 5' USR1; echo $$; while :; do sleep 1000 & wait; done");
  spec.descriptors = {{1, pids.writing()}};
  spec.whole_tree = true;
  Process process = Process::spawn(spec);
  pids.expect(1);
  process.signal(SIGUSR1);
  EXPECT_EQ(process.wait(soon()), (ExitStatus{5, 0}));
}

TEST(Process, TellsThatATreeWasKilled) {
  ProcessSpec spec = {.argv = {"sleep", "1000"}};
  spec.whole_tree = true;
  Process process = Process::spawn(spec);
  process.kill();
  EXPECT_EQ(process.wait(soon()), (ExitStatus{0, SIGKILL}));
}

TEST(Process, EndsItsWholeTreeWhenDropped) {
  Pids pids;
  {
    ProcessSpec spec = shell(k_stubborn_tree);
    spec.descriptors = {{1, pids.writing()}};
    spec.whole_tree = true;
    const Process process = Process::spawn(spec);
    pids.expect(3);
  }
  EXPECT_TRUE(pids.all_end());
}

TEST(Process, EndsItsDaemonsWhenTheProgramEnds) {
  Pids pids;
  ProcessSpec spec = shell("(setsid sh -c 'echo $$; exec sleep 1000' &)\nread -r line; exit 4");
  Pipe input;
  spec.descriptors = {{0, input.reading.get()}, {1, pids.writing()}};
  spec.whole_tree = true;
  Process process = Process::spawn(spec);
  pids.expect(1);
  input.writing.close();
  EXPECT_EQ(process.wait(soon()), (ExitStatus{4, 0}));
  EXPECT_TRUE(pids.all_end());
}

TEST(Process, EndsATreeOfManyOrphans) {
  ProcessSpec spec = shell("i=0; while [ $i -lt 200 ]; do (sleep 1000 &) ; i=$((i+1)); done; "
                           "echo $$; sleep 1000");
  Pids pids;
  spec.descriptors = {{1, pids.writing()}};
  spec.whole_tree = true;
  Process process = Process::spawn(spec);
  pids.expect(1);
  process.kill();
  EXPECT_TRUE(pids.all_end());
}

class OurDeath : public testing::TestWithParam<std::string> {};

TEST_P(OurDeath, EndsWhatWeStarted) {
  const bool tree = GetParam() == "tree";
  Pids pids;
  Process victim = Process::spawn({.argv = {NESTBOX_SUBPROCESS_VICTIM, GetParam(),
                                            tree ? k_stubborn_tree : "echo $$; exec sleep 1000"},
                                   .descriptors = {{1, pids.writing()}}});
  pids.expect(tree ? 3 : 1);
  victim.kill();
  EXPECT_TRUE(pids.all_end());
}

INSTANTIATE_TEST_SUITE_P(Process, OurDeath, testing::Values("tree", "single"),
                         [](const auto& how) { return how.param; });

TEST(Process, StartsFromManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::array<std::string, 8> outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    threads.emplace_back([&outputs, i] {
      outputs[i] = output_of({.argv = {"echo", std::to_string(i)}});
    });
  for (std::thread& thread : threads)
    thread.join();
  for (std::size_t i = 0; i < outputs.size(); ++i)
    EXPECT_EQ(outputs[i], std::to_string(i) + "\n");
}

TEST(Process, LeavesNoDescriptorOpen) {
  const auto count = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  output_of({.argv = {"true"}});
  const auto before = count();
  output_of({.argv = {"true"}});
  EXPECT_THROW(run_captured({.argv = {"/nonexistent"}}, soon()), Error);
  EXPECT_EQ(count(), before);
}

TEST(FindProgram, LooksInPathAndTheSbinDirectories) {
  EXPECT_EQ(find_program("sh")->filename(), "sh");
  EXPECT_EQ(find_program("no-such-program-anywhere"), std::nullopt);
  EXPECT_EQ(find_program(""), std::nullopt);
}

}  // namespace
}  // namespace nestbox
