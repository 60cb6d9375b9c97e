#include "tests/contract/transport_contract.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

FileDescriptor open_file(const fs::path& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path) << content;
}

// A file of 64 MiB that begins and ends with data and takes next to no room.
void write_sparse_file(const fs::path& path) {
  write_file(path, "begin");
  fs::resize_file(path, mebibytes(64).count - 3);
  std::ofstream(path, std::ios::app) << "end";
}

Bytes allocated(const fs::path& path) {
  struct stat status = {};
  ::stat(path.c_str(), &status);
  return {static_cast<std::uint64_t>(status.st_blocks) * 512};
}

Bytes resident_memory() {
  const std::vector<std::string> fields = split(nestbox::read_file("/proc/self/statm"), ' ');
  return {std::stoull(fields.at(1)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace

TransportContract::TransportContract() : m_host(GetParam().make()) {}

Deadline TransportContract::deadline() {
  return Deadline::after(60s);
}

TransportContract::Outcome TransportContract::run(Command command, int input) {
  Outcome outcome;
  const CommandIo io = {.output =
                            [&](OutputStream stream, std::string_view piece) {
                              (stream == OutputStream::standard_output ? outcome.output
                                                                       : outcome.diagnostics) +=
                                  piece;
                            },
                        .input = input};
  outcome.result = transport().run(command, io, deadline(), {});
  EXPECT_FALSE(outcome.result.timed_out);
  return outcome;
}

TransportContract::Outcome TransportContract::shell(const std::string& script) {
  return run({.argv = {"sh", "-c", script}});
}

TransportContract::Outcome
TransportContract::run_until_ready(const Command& command, CommandIo io, const CancelToken& cancel,
                                   const std::function<void()>& on_ready) {
  Outcome outcome;
  bool told = false;
  io.output = [&](OutputStream, std::string_view piece) {
    outcome.output += piece;
    if (!told && outcome.output.find("ready") != std::string::npos) {
      told = true;
      on_ready();
    }
  };
  outcome.result = transport().run(command, io, deadline(), cancel);
  return outcome;
}

TEST_P(TransportContract, TellsHowACommandEnded) {
  EXPECT_EQ(shell("exit 0").result.status, (ExitStatus{0, 0}));
  EXPECT_EQ(shell("exit 77").result.status, (ExitStatus{77, 0}));
  EXPECT_EQ(shell("kill -TERM $$").result.status, (ExitStatus{0, SIGTERM}));
  EXPECT_EQ(shell("kill -KILL $$").result.status, (ExitStatus{0, SIGKILL}));
}

TEST_P(TransportContract, KeepsTheStreamsApart) {
  const Outcome outcome = shell("echo out; echo err >&2; printf 'no end of line'");
  EXPECT_EQ(outcome.output, "out\nno end of line");
  EXPECT_EQ(outcome.diagnostics, "err\n");
}

TEST_P(TransportContract, PassesEveryByteOfArguments) {
  const std::string odd = "a 'b' \"c\"\n$d\t*\xff\\";
  EXPECT_EQ(run({.argv = {"printf", "%s|%s", odd, ""}}).output, odd + "|");
}

TEST_P(TransportContract, HoldsLargeOutputBackInsteadOfKeepingIt) {
  const std::uint64_t size = GetParam().large_output.count;
  const Bytes before = resident_memory();
  Bytes most = before;
  std::uint64_t received = 0;
  const CommandIo io = {.output = [&](OutputStream, std::string_view piece) {
    received += piece.size();
    most = std::max(most, resident_memory());
  }};
  const Command command = {.argv = {"head", "-c", std::to_string(size), "/dev/zero"}};
  const CommandResult result = transport().run(command, io, Deadline::after(300s), {});
  EXPECT_TRUE(result.status.success());
  EXPECT_EQ(received, size);
  EXPECT_LT(most.count, before.count + mebibytes(32).count);
}

TEST_P(TransportContract, FeedsInputToItsEnd) {
  write_file(outside("input"), std::string(1'000'000, 'x'));
  const FileDescriptor input = open_file(outside("input"));
  EXPECT_THAT(run({.argv = {"wc", "-c"}}, input.get()).output, HasSubstr("1000000"));
}

TEST_P(TransportContract, PassesOverInputThatNobodyReads) {
  write_file(outside("input"), std::string(1'000'000, 'x'));
  const FileDescriptor input = open_file(outside("input"));
  EXPECT_EQ(run({.argv = {"sh", "-c", "exit 3"}}, input.get()).result.status, (ExitStatus{3, 0}));
}

TEST_P(TransportContract, GivesEmptyInputUnlessTold) {
  EXPECT_EQ(shell("cat; echo done").output, "done\n");
}

TEST_P(TransportContract, AddsToTheEnvironment) {
  const Outcome outcome = run({.argv = {"sh", "-c", "printf %s \"$NAME\"; test -n \"$PATH\""},
                               .environment = {{"NAME", "two words\n'and' $more"}}});
  EXPECT_EQ(outcome.output, "two words\n'and' $more");
  EXPECT_TRUE(outcome.result.status.success());
}

TEST_P(TransportContract, RunsInTheDirectoryAskedFor) {
  EXPECT_EQ(shell("pwd").output, "/\n");
  ASSERT_TRUE(shell("mkdir -p " + shell_quote({inside("a b")})).result.status.success());
  EXPECT_EQ(run({.argv = {"pwd"}, .working_directory = inside("a b")}).output,
            inside("a b") + "\n");
}

TEST_P(TransportContract, SaysLikeAShellWhatCannotRun) {
  const Outcome missing = run({.argv = {"no-such-program-anywhere"}});
  EXPECT_EQ(missing.result.status, (ExitStatus{127, 0}));
  EXPECT_THAT(missing.diagnostics, HasSubstr("nestbox: cannot run 'no-such-program-anywhere'"));

  ASSERT_TRUE(
      shell("mkdir -p " + inside("") + "; echo x > " + inside("plain")).result.status.success());
  const Outcome refused = run({.argv = {inside("plain")}});
  EXPECT_EQ(refused.result.status, (ExitStatus{126, 0}));
  EXPECT_THAT(refused.diagnostics, HasSubstr("nestbox: cannot run '" + inside("plain") + "'"));

  const Outcome nowhere = run({.argv = {"true"}, .working_directory = inside("nowhere")});
  EXPECT_EQ(nowhere.result.status, (ExitStatus{126, 0}));
  EXPECT_THAT(nowhere.diagnostics, HasSubstr("nestbox: cannot enter"));
}

TEST_P(TransportContract, RunsAScriptWithoutInterpreterLine) {
  write_file(outside("script"), "echo \"got $1\"\n");
  fs::permissions(outside("script"), fs::perms::owner_all);
  transport().put(outside(""), {"script"}, inside("bin"), deadline(), {});
  EXPECT_EQ(run({.argv = {inside("bin/script"), "it"}}).output, "got it\n");
}

TEST_P(TransportContract, RunsSeveralCommandsAtOnce) {
  std::array<std::string, 4> outputs;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    threads.emplace_back([&, i] {
      const CommandIo io = {
          .output = [&, i](OutputStream, std::string_view piece) { outputs[i] += piece; }};
      transport().run({.argv = {"sh", "-c", "for i in 1 2 3; do echo $0; done", std::to_string(i)}},
                      io, deadline(), {});
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string line = std::to_string(i) + "\n";
    EXPECT_EQ(outputs[i], line + line + line);
  }
}

TEST_P(TransportContract, EndsACommandAtTheDeadline) {
  const CommandResult result =
      transport().run({.argv = {"sleep", "1000"}}, {}, Deadline::after(100ms), {});
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.cancelled);
  EXPECT_FALSE(result.status.success());
}

TEST_P(TransportContract, EndsTheWholeTreeOfACommand) {
  const Command stubborn = {.argv = {"sh", "-c",
                                     "trap '' TERM HUP INT\n"
                                     "(setsid sh -c 'trap \"\" TERM; echo $$ > "
                                         + inside("pid")
                                         + "; exec sleep 1000' &)\n"
                                           "while ! test -s "
                                         + inside("pid")
                                         + "; do sleep 0.05; done\n"
                                           "echo ready; sleep 1000"}};
  ASSERT_TRUE(shell("mkdir -p " + inside("")).result.status.success());
  CancelSource source;
  const Outcome outcome = run_until_ready(stubborn, {}, source.token(), [&] { source.cancel(); });
  EXPECT_TRUE(outcome.result.cancelled);
  EXPECT_FALSE(outcome.result.timed_out);
  const Outcome left =
      shell("pid=$(cat " + inside("pid") + ") && test -n \"$pid\" && ! test -e /proc/$pid");
  EXPECT_EQ(left.result.status, (ExitStatus{0, 0})) << left.diagnostics;
}

TEST_P(TransportContract, GivesATerminalOfTheSizeAskedFor) {
  const Outcome outcome =
      run({.argv = {"sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size; echo err >&2"},
           .terminal = TerminalSize{30, 100}});
  EXPECT_EQ(outcome.output, "30 100\r\nerr\r\n");
  EXPECT_EQ(outcome.diagnostics, "");
}

TEST_P(TransportContract, ResizesTheTerminal) {
  const FileDescriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const CommandIo io = {.resized =
                            [&] {
                              eventfd_t count = 0;
                              ::eventfd_read(event.get(), &count);
                              return TerminalSize{50, 132};
                            },
                        .resize_event = event.get()};
  const Outcome outcome = run_until_ready(
      {.argv = {"sh", "-c",
                "trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.05; done"},
       .terminal = TerminalSize{}},
      io, {}, [&] { ::eventfd_write(event.get(), 1); });
  EXPECT_THAT(outcome.output, HasSubstr("50 132"));
  EXPECT_EQ(outcome.result.status, (ExitStatus{5, 0}));
}

TEST_P(TransportContract, TypesInputIntoTheTerminal) {
  write_file(outside("input"), "hello\n");
  const FileDescriptor input = open_file(outside("input"));
  const Outcome outcome =
      run({.argv = {"sh", "-c", "stty -echo; read -r word; echo \"<$word>\"; cat; echo done"},
           .terminal = TerminalSize{}},
          input.get());
  EXPECT_THAT(outcome.output, HasSubstr("<hello>\r\ndone"));
}

TEST_P(TransportContract, InterruptsThroughTheTerminal) {
  const Pipe keyboard;
  const Outcome outcome = run_until_ready(
      {.argv = {"sh", "-c", "trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done"},
       .terminal = TerminalSize{}},
      {.input = keyboard.reading.get()}, {},
      [&] { ASSERT_EQ(::write(keyboard.writing.get(), "\x03", 1), 1); });
  EXPECT_EQ(outcome.result.status, (ExitStatus{6, 0}));
}

TEST_P(TransportContract, CarriesTreesThereAndBack) {
  const fs::path source = outside("source");
  fs::create_directories(source / "deep/er");
  fs::create_directory(source / "empty");
  const std::vector<std::string> files = {"a b", "new\nline", "..start",     "end..",
                                          "-n",  "\xff",      "deep/er/file"};
  for (const std::string& name : files)
    write_file(source / name, "content of " + name);
  fs::permissions(source / "a b", fs::perms(0750));
  write_file(source / "nothing", "");
  fs::create_symlink("/nonexistent/target", source / "link out");
  fs::create_symlink("deep", source / "link in");
  write_sparse_file(source / "sparse");
  std::vector<std::string> all = files;
  all.insert(all.end(), {"nothing", "empty", "link out", "link in", "sparse"});

  transport().put(source, all, inside("tree"), deadline(), {});
  const Outcome there =
      run({.argv = {"sh", "-c",
                    "cat 'a b' && test -x 'a b' && test -d empty && readlink 'link out'"
                    " && tail -c 3 sparse && du -k sparse | cut -f1"},
           .working_directory = inside("tree")});
  EXPECT_THAT(there.output, HasSubstr("content of a b/nonexistent/target\nend"));
  EXPECT_LT(std::stoi("0" + there.output.substr(there.output.rfind("end") + 3)), 1024);

  const fs::path back = outside("back");
  transport().get(inside("tree"), back, mebibytes(1), deadline(), {});
  for (const std::string& name : files)
    EXPECT_EQ(nestbox::read_file(back / name), "content of " + name);
  EXPECT_EQ(fs::status(back / "a b").permissions(), fs::perms(0750));
  EXPECT_EQ(fs::file_size(back / "nothing"), 0U);
  EXPECT_TRUE(fs::is_directory(back / "empty"));
  EXPECT_EQ(fs::read_symlink(back / "link out"), "/nonexistent/target");
  EXPECT_EQ(fs::read_symlink(back / "link in"), "deep");
  EXPECT_EQ(fs::file_size(back / "sparse"), mebibytes(64).count);
  EXPECT_LT(allocated(back / "sparse"), mebibytes(1));
}

TEST_P(TransportContract, ReplacesFilesThatAreThere) {
  write_file(outside("f"), "old and long");
  transport().put(outside(""), {"f"}, inside("replaced"), deadline(), {});
  write_file(outside("f"), "new");
  transport().put(outside(""), {"f"}, inside("replaced"), deadline(), {});
  EXPECT_EQ(shell("cat " + inside("replaced/f")).output, "new");
}

TEST_P(TransportContract, RefusesToPutWhatLeavesItsRoot) {
  fs::create_directories(outside("root"));
  fs::create_directories(outside("beside"));
  write_file(outside("beside/secret"), "x");
  fs::create_directory_symlink(outside("beside"), outside("root/link"));
  for (const std::string name : {"../beside/secret", "/etc/passwd", "link/secret", "", "absent"})
    EXPECT_THROW(transport().put(outside("root"), {name}, inside("refused"), deadline(), {}), Error)
        << name;
}

TEST_P(TransportContract, WritesThroughNoSymlinkOfTheMachine) {
  const std::string tree = inside("linked");
  const std::string beside = inside("beside");
  ASSERT_TRUE(shell("mkdir -p " + tree + " " + beside + " && ln -s " + beside + " " + tree
                    + "/d && ln -s " + beside + "/f " + tree + "/f")
                  .result.status.success());
  fs::create_directories(outside("source/d"));
  write_file(outside("source/d/g"), "x");
  write_file(outside("source/f"), "x");
  EXPECT_THROW(transport().put(outside("source"), {"d/g"}, tree, deadline(), {}), Error);
  transport().put(outside("source"), {"f"}, tree, deadline(), {});
  EXPECT_EQ(shell("ls " + beside).output, "");
}

TEST_P(TransportContract, GetsNothingFromWhatIsNotThere) {
  transport().get(inside("absent"), outside("got"), mebibytes(1), deadline(), {});
  EXPECT_TRUE(!fs::exists(outside("got")) || fs::is_empty(outside("got")));
}

TEST_P(TransportContract, GetsASingleFile) {
  ASSERT_TRUE(
      shell("mkdir -p " + inside("") + "; printf x > " + inside("single")).result.status.success());
  transport().get(inside("single"), outside("got"), mebibytes(1), deadline(), {});
  EXPECT_EQ(nestbox::read_file(outside("got/single")), "x");
}

TEST_P(TransportContract, GetsNoMoreThanTheLimit) {
  ASSERT_TRUE(shell("mkdir -p " + inside("large") + "; head -c 300000 /dev/zero | tr '\\0' x > "
                    + inside("large/f"))
                  .result.status.success());
  try {
    transport().get(inside("large"), outside("got"), kibibytes(100), deadline(), {});
    ADD_FAILURE() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::corrupt);
  }
}

TEST_P(TransportContract, FollowsNoSymlinkAndPassesOverDevicesWhenItGets) {
  ASSERT_TRUE(shell("mkdir -p " + inside("odd") + " && cd " + inside("odd")
                    + " && ln -s /etc etc && mkfifo fifo && printf x > f")
                  .result.status.success());
  transport().get(inside("odd"), outside("got"), mebibytes(1), deadline(), {});
  EXPECT_TRUE(fs::is_symlink(outside("got/etc")));
  EXPECT_FALSE(fs::exists(outside("got/fifo")));
  EXPECT_EQ(nestbox::read_file(outside("got/f")), "x");
}

TEST_P(TransportContract, GoesOnAfterWhatWasRefused) {
  EXPECT_THROW(transport().put(outside(""), {"../x"}, inside("x"), deadline(), {}), Error);
  EXPECT_EQ(shell("echo fine").output, "fine\n");
}

TEST_P(TransportContract, AnswersAPing) {
  EXPECT_NO_THROW(transport().ping(deadline(), {}));
}

}  // namespace nestbox
