#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

#include "tests/support/nestbox_terminal.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::json;

/// Lets the one who reads from it go on.
void open_and_close(const fs::path& fifo) {
  FileDescriptor writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
}

/// The program in script mode: needs no hypervisor.
class Cli : public testing::Test {
protected:
  Captured run(std::vector<std::string> arguments) {
    Captured captured = m_program.run(std::move(arguments));
    m_said = captured.output + captured.diagnostics;
    return captured;
  }
  Captured run_locally(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"run", "--driver", "local"});
    return run(std::move(arguments));
  }
  bool said(const std::string& text) const { return m_said.find(text) != std::string::npos; }

  NestboxProgram m_program{NestboxProgram::Cache::empty};
  std::string m_said;
};

TEST_F(Cli, PassesACommandsExitCodeAndOutputThrough) {
  const Captured captured = run_locally({"--", "sh", "-c", "printf out; printf err >&2; exit 42"});
  EXPECT_EQ(captured.status.code, 42);
  EXPECT_EQ(captured.output, "out");
  EXPECT_TRUE(said("err"));
}

TEST_F(Cli, KeepsEveryByteOfACommandsOutput) {
  EXPECT_EQ(run_locally({"-q", "--", "printf", "\\000\\377\\033[1m"}).output,
            std::string("\0\xff\x1b[1m", 6));
}

TEST_F(Cli, RunsAScriptAndUsesTheTable) {
  m_program.write_script("test.sh", "#!/bin/sh\necho hello from $NESTBOX_TEST\nexit 9\n");
  EXPECT_EQ(run_locally({"./test.sh"}).status.code, 1);
  EXPECT_TRUE(said("hello from test.sh")) << m_said;
  EXPECT_TRUE(said("1 failed")) << m_said;
}

TEST_F(Cli, GivesEachTestItsOwnCopy) {
  m_program.write_script(
      "test_a.sh",
      "#!/bin/sh\ntest -e test_b.sh && rm -rf ./* && echo x > $TEST_OUTPUT_DIR/kept\n");
  m_program.write_script("test_b.sh",
                         "#!/bin/sh\ntest -e test_a.sh && test -d \"$TEST_SCRATCH_DIR\"\n");
  EXPECT_EQ(run_locally({}).status.code, 0) << m_said;
  EXPECT_TRUE(fs::exists(m_program.working_directory / "test_a.sh"));
  EXPECT_EQ(read_file(m_program.newest_run() / "tests/test_a.sh/artifacts/kept"), "x\n");
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(Cli, SkipsMachineTestsOnTheHostWithTheReason) {
  m_program.write_script("test_vm.sh", "#!/bin/sh\n# nestbox: markers=vm\ntouch \"$HOME/ran\"\n");
  m_program.write_script("test_unit.sh", "#!/bin/sh\n# nestbox: markers=unit\n");
  EXPECT_EQ(run_locally({}).status.code, 0);
  EXPECT_TRUE(said("1 passed, 1 skipped")) << m_said;
  EXPECT_TRUE(said("needs a machine of its own")) << m_said;
  EXPECT_FALSE(fs::exists(m_program.home() / "ran"));
}

TEST_F(Cli, SkipsWorldsOnTheHostWithTheReason) {
  write_file_atomically(m_program.working_directory / "nestbox.yml",
                        "version: 1\n"
                        "topologies: {one: {machines: {a: {environment: tiny}}}}\n"
                        "tests: {drive: {topology: one, run: 'true'}}\n");
  EXPECT_EQ(run_locally({"--explain"}).status.code, 0);
  EXPECT_TRUE(said("needs a world of machines; driver 'local' runs on this host")) << m_said;
  EXPECT_EQ(run_locally({"-e", "tiny"}).status.code, 2);
  EXPECT_TRUE(said("'drive' runs in topology 'one': '-e tiny' cannot be applied to it")) << m_said;
  EXPECT_EQ(run_locally({"--seed", "x"}).status.code, 2);
  EXPECT_EQ(run({"list"}).status.code, 0);
  EXPECT_TRUE(said("drive  topology one  vm")) << m_said;
}

TEST_F(Cli, SaysThatVerbsNeedAWorld) {
  EXPECT_EQ(run({"exec", "a", "--", "true"}).status.code, 2);
  EXPECT_TRUE(said("there is no world here: NESTBOX_HOST_SOCKET is not set")) << m_said;
  EXPECT_EQ(run({"net", "--help"}).status.code, 0);
  EXPECT_TRUE(said("nestbox net partition A,B '|' C")) << m_said;
}

TEST_F(Cli, RunsNotVmOnTheHostWithoutLookingForAHypervisor) {
  m_program.write_script("test_vm.sh", "#!/bin/sh\n# nestbox: markers=vm\n");
  m_program.write_script("test_plain.sh", "#!/bin/sh\ntest \"$NESTBOX_DRIVER\" = local\n");
  EXPECT_EQ(run({"run", "-m", "not vm"}).status.code, 0) << m_said;
  EXPECT_TRUE(said("1 passed in")) << m_said;
}

TEST_F(Cli, SaysWhyItFellBackToTheHost) {
  m_program.environment["PATH"] = "/nonexistent";
  m_program.environment["DOCKER_HOST"] = "unix:///nonexistent";
  m_program.write_script("test.sh", "#!/bin/sh\n");
  run({"run", "./test.sh"});
  EXPECT_TRUE(said("local: no hypervisor works here: qemu:")) << m_said;
}

TEST_F(Cli, ListsWhereEachTestWouldRunAndWhy) {
  m_program.environment["PATH"] = "/nonexistent";
  m_program.environment["DOCKER_HOST"] = "unix:///nonexistent";
  m_program.environment["LIBVIRT_DEFAULT_URI"] = "qemu+unix:///system?socket=/nonexistent";
  write_file_atomically(m_program.working_directory / "nestbox.yml",
                        "version: 1\n"
                        "tests:\n"
                        "  quick: {run: 'true', markers: [unit]}\n"
                        "  boxed: {run: 'true', needs: {isolation: container}}\n"
                        "  remote: {run: 'true', machines: {core0: {}}}\n");
  EXPECT_EQ(run({"list", "--explain"}).status.code, 0);
  EXPECT_TRUE(said("'quick' runs on local (unit tests need no machine)")) << m_said;
  EXPECT_TRUE(said("'boxed' is skipped: needs a container or a machine of its own; driver 'local' "
                   "runs on this host"))
      << m_said;
  EXPECT_TRUE(said("'remote' is skipped: needs machines that reach each other; driver 'local' "
                   "runs on this host"))
      << m_said;
}

TEST_F(Cli, NamesEveryDriverWithWhatSpeaksAgainstIt) {
  m_program.environment["PATH"] = "/nonexistent";
  m_program.environment["DOCKER_HOST"] = "unix:///nonexistent";
  m_program.environment["LIBVIRT_DEFAULT_URI"] = "qemu+unix:///system?socket=/nonexistent";
  const Json report = Json::parse(run({"doctor", "--json"}).output);
  std::set<std::string> names;
  for (const Json& driver : report["drivers"]) {
    names.insert(driver["name"]);
    EXPECT_EQ(driver["available"], driver["name"] == "local");
    EXPECT_NE(driver["reason"], "") << driver;
    EXPECT_EQ(driver["hint"] == "", driver["name"] == "local") << driver;
  }
  EXPECT_EQ(names, (std::set<std::string>{"docker", "docker-machine", "ec2", "libvirt", "local",
                                          "qemu", "ssh"}));
}

TEST_F(Cli, EndsATestAtItsTimeoutWithItsWholeTree) {
  m_program.write_script("test.sh", "#!/bin/sh\ntrap '' TERM\nsetsid sleep 1000 &\nsleep 1000\n");
  EXPECT_EQ(run_locally({"--timeout", "200ms", "./test.sh"}).status.code, 1);
  EXPECT_TRUE(said("timeout   test.sh")) << m_said;
  EXPECT_TRUE(m_program.processes_gone());
}

// Root cannot be killed by who asked sudo for it: sudo is asked again. Root plays the ordinary user
// and makes a sudo of its own; an ordinary user needs the real one.
TEST_F(Cli, EndsWhatSudoStartedAtItsTimeout) {
  std::vector<std::string> words = {
      "run", "--driver", "local", "--sudo", "--timeout",
      "1s",  "--",       "sh",    "-c",     "setsid sleep 1000 & id -u; exec sleep 1000"};
  ProcessSpec spec = m_program.spec(words);
  if (::geteuid() == 0) {
    const fs::path bin = m_program.home() / "bin";
    fs::create_directory(bin);
    fs::copy_file(NESTBOX_SETUID_SUDO, bin / "sudo");
    constexpr uid_t k_nobody = 65534;
    for (const fs::directory_entry& entry : fs::directory_iterator(m_program.home()))
      ASSERT_EQ(::chown(entry.path().c_str(), k_nobody, k_nobody), 0);
    ASSERT_EQ(::chown(m_program.home().c_str(), k_nobody, k_nobody), 0);
    ASSERT_EQ(::chmod((bin / "sudo").c_str(), 04755), 0);
    spec.environment->at("PATH") = bin.string() + ":" + spec.environment->at("PATH");
    spec.argv.insert(spec.argv.begin(),
                     {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  } else if (!run_captured({.argv = {"sudo", "-n", "true"}},
                           Deadline::after(std::chrono::minutes(1)))
                  .status.success()) {
    GTEST_SKIP() << "sudo asks this user for a password";
  }
  const Captured run = run_captured(spec, Deadline::after(std::chrono::minutes(5)));
  EXPECT_NE(run.diagnostics.find("timeout"), std::string::npos) << run.diagnostics;
  EXPECT_EQ(run.output, "0\n");
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(Cli, WritesReports) {
  m_program.write_script("test.sh", "#!/bin/sh\nprintf '1..2\\nok 1 a\\nnot ok 2 b\\n'\n");
  EXPECT_EQ(run_locally({"./test.sh", "--report", "junit=out.xml", "--report", "jsonl=out.jsonl"})
                .status.code,
            1);
  EXPECT_TRUE(said("exit code 0, but 1 of 2 cases failed")) << m_said;
  EXPECT_NE(read_file(m_program.working_directory / "out.xml").find("failures=\"1\""),
            std::string::npos);
  EXPECT_NE(read_file(m_program.working_directory / "out.jsonl").find("\"run_finished\""),
            std::string::npos);
}

TEST_F(Cli, ShowsARunThatSurvived) {
  m_program.write_script("test.sh", "#!/bin/sh\necho remembered\nexit 1\n");
  run_locally({"./test.sh"});
  EXPECT_EQ(run({"show"}).status.code, 0);
  EXPECT_TRUE(said("failed    test.sh")) << m_said;
  EXPECT_EQ(run({"show", "latest", "test.sh"}).status.code, 0);
  EXPECT_TRUE(said("remembered")) << m_said;
  const Json json = Json::parse(run({"show", "--json"}).output);
  EXPECT_EQ(json.at("state"), "finished");
  EXPECT_EQ(json.at("results")[0].at("exit_code"), 1);
  EXPECT_EQ(run({"show", "latest", "tset.sh"}).status.code, 2);
  EXPECT_TRUE(said("did you mean 'test.sh'?")) << m_said;
}

TEST_F(Cli, ShowsAKilledRunAsInterrupted) {
  m_program.write_script("test.sh", "#!/bin/sh\necho ready\nexec sleep 1000\n");
  RunningNestbox nestbox(m_program, {"run", "--driver", "local", "./test.sh"});
  ASSERT_TRUE(nestbox.wait_for("ready")) << nestbox.output();
  nestbox.process().kill();
  EXPECT_TRUE(m_program.processes_gone());
  run({"show"});
  EXPECT_TRUE(said("unfinished test.sh")) << m_said;
  EXPECT_TRUE(said("interrupted: nestbox ended before the run did")) << m_said;
}

TEST_F(Cli, FinishesRunningTestsOnTheFirstInterrupt) {
  const fs::path fifo = m_program.home() / "go";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  m_program.write_script("test_a.sh", "#!/bin/sh\necho ready\ncat '" + fifo.string() + "'\n");
  m_program.write_script("test_b.sh", "#!/bin/sh\n");
  RunningNestbox nestbox(m_program, {"run", "--driver", "local", "-v", "--jobs", "1"});
  ASSERT_TRUE(nestbox.wait_for("| ready")) << nestbox.output();
  nestbox.process().signal(SIGINT);
  ASSERT_TRUE(nestbox.wait_for("interrupt again")) << nestbox.output();
  open_and_close(fifo);
  EXPECT_EQ(nestbox.finish().code, 130);
  EXPECT_NE(nestbox.output().find("interrupted: 1 passed, 1 cancelled"), std::string::npos)
      << nestbox.output();
}

TEST_F(Cli, EndsRunningTestsOnTheSecondInterrupt) {
  m_program.write_script("test.sh",
                         "#!/bin/sh\ntrap '' INT TERM\necho ready\nwhile :; do sleep 1000; done\n");
  RunningNestbox nestbox(m_program, {"run", "--driver", "local", "./test.sh"});
  ASSERT_TRUE(nestbox.wait_for("ready")) << nestbox.output();
  nestbox.process().signal(SIGINT);
  ASSERT_TRUE(nestbox.wait_for("interrupt again")) << nestbox.output();
  nestbox.process().signal(SIGINT);
  EXPECT_EQ(nestbox.finish().code, 130);
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(Cli, OpensAShellOnATerminal) {
  // Typed ahead of the shell, which must not lose it.
  const TerminalRun shell =
      run_on_terminal(m_program, {"shell", "--driver", "local"}, "stty size; exit 7\n");
  EXPECT_EQ(shell.status.code, 7) << shell.seen;
  EXPECT_NE(shell.seen.find("33 99"), std::string::npos) << shell.seen;
}

TEST_F(Cli, OpensAShellWhereATestFailed) {
  m_program.write_script("test_a.sh", "#!/bin/sh\necho left > behind\nexit 1\n");
  m_program.write_script("test_b.sh", "#!/bin/sh\n");
  const TerminalRun run =
      run_on_terminal(m_program, {"run", "--driver", "local", "--jobs", "1", "--shell-on-fail"},
                      "echo $NESTBOX_TEST $(cat behind) on $(tty | cut -c1-9); exit 7\n");
  EXPECT_EQ(run.status.code, 1) << run.seen;
  EXPECT_NE(run.seen.find("'test_a.sh' failed: a shell where it ran"), std::string::npos);
  EXPECT_NE(run.seen.find("\ntest_a.sh left on /dev/pts/"), std::string::npos) << run.seen;
  EXPECT_NE(run.seen.find("1 passed, 1 failed"), std::string::npos) << run.seen;
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(Cli, NeedsATerminalForAShell) {
  EXPECT_EQ(run_locally({"--shell-on-fail", "--", "false"}).status.code, 2);
  EXPECT_TRUE(said("--shell-on-fail needs a terminal")) << m_said;
}

TEST_F(Cli, EndsBeforeTheRunWhenTheSourcesCannotBeRead) {
  m_program.write_script("test.sh", "#!/bin/sh\n");
  const ProcessSpec init{.argv = {"git", "init", "-q"},
                         .working_directory = m_program.working_directory};
  run_checked(init, Deadline::after(std::chrono::minutes(1)));
  write_file_atomically(m_program.working_directory / ".git/index", "damaged");
  EXPECT_EQ(run_locally({"./test.sh"}).status.code, 3);
  EXPECT_TRUE(said("error: cannot read the git work tree")) << m_said;
  EXPECT_FALSE(said("infra")) << m_said;
  EXPECT_FALSE(fs::exists(m_program.home() / "state/nestbox/runs/latest")) << "no run was begun";
}

TEST_F(Cli, RunsAShellOnPlainStreams) {
  RunningNestbox nestbox(m_program, {"shell", "--driver", "local"});
  EXPECT_EQ(nestbox.finish().code, 0) << "its stdin is empty";
}

TEST_F(Cli, SaysWhatWasMeant) {
  EXPECT_EQ(run({"rnu"}).status.code, 2);
  EXPECT_TRUE(said("unknown command 'rnu'\nhint: did you mean 'run'?")) << m_said;
  EXPECT_EQ(run({"cache", "lst"}).status.code, 2);
  EXPECT_TRUE(said("did you mean 'list'?")) << m_said;
  EXPECT_EQ(run({"run", "--driver", "qmeu", "--", "true"}).status.code, 2);
  EXPECT_TRUE(said("did you mean 'qemu'?")) << m_said;
  EXPECT_EQ(run_locally({"-e", "debain", "--", "true"}).status.code, 2);
  EXPECT_TRUE(said("did you mean 'debian'?")) << m_said;
  EXPECT_EQ(run({"run", "--nonsense"}).status.code, 2);
  EXPECT_EQ(run({}).status.code, 2);
  EXPECT_EQ(run({"run", "x.sh", "--", "true"}).status.code, 2);
  EXPECT_EQ(run({"list", "--", "true"}).status.code, 2);
  EXPECT_EQ(run({"run", "--"}).status.code, 2);
  EXPECT_EQ(run_locally({"--shard", "3/2", "--", "true"}).status.code, 2);
  EXPECT_EQ(run_locally({"--jobs", "-3", "--", "true"}).status.code, 2);
  EXPECT_EQ(run_locally({"--report", "html=x", "--", "true"}).status.code, 2);
}

TEST_F(Cli, SaysThatNothingIsSelected) {
  m_program.write_script("test.sh", "#!/bin/sh\n");
  EXPECT_EQ(run_locally({"-m", "slow"}).status.code, 5);
  EXPECT_TRUE(said("no tests selected (1 deselected)")) << m_said;
}

TEST_F(Cli, HelpsEveryCommand) {
  for (const char* command :
       {"run", "list", "show", "shell", "init", "validate", "doctor", "cache", "env", "schema"})
    EXPECT_EQ(run({command, "--help"}).status.code, 0) << command;
  EXPECT_EQ(run({"--version"}).output, "nestbox " NESTBOX_VERSION "\n");
  EXPECT_TRUE(Json::parse(run({"schema"}).output).is_object());
}

TEST_F(Cli, ListsAsJson) {
  m_program.write_script("test.sh", "#!/bin/sh\n");
  EXPECT_EQ(Json::parse(run({"list", "--json"}).output).at("tests").size(), 1U);
  EXPECT_TRUE(Json::parse(run({"cache", "list", "--json"}).output).at("entries").is_array());
  EXPECT_EQ(Json::parse(run({"env", "list", "--json"}).output).at("environments").size(), 3U);
  EXPECT_TRUE(Json::parse(run({"show", "--list", "--json"}).output).at("runs").is_array());
}

TEST_F(Cli, PassesVariables) {
  m_program.environment["FROM_HERE"] = "taken";
  EXPECT_EQ(run_locally({"-q", "--env", "FROM_HERE", "--env", "SET=a=b", "--", "sh", "-c",
                         "echo $FROM_HERE $SET"})
                .output,
            "taken a=b\n");
}

TEST_F(Cli, RepeatsAndRetriesWhenAsked) {
  m_program.write_script("test.sh", "#!/bin/sh\ntest $NESTBOX_ATTEMPT = 2\n");
  EXPECT_EQ(run_locally({"./test.sh", "--repeat", "3", "--retries", "1"}).status.code, 0) << m_said;
  EXPECT_TRUE(said("3 passed")) << m_said;
  EXPECT_TRUE(said("passed on attempt 2")) << m_said;
}

TEST_F(Cli, AnnotatesFailuresForGithub) {
  m_program.environment["GITHUB_ACTIONS"] = "true";
  m_program.write_script("test.sh", "#!/bin/sh\necho '::set-output name=x::y'\nexit 1\n");
  run_locally({"./test.sh"});
  EXPECT_TRUE(said("::error ")) << m_said;
}

}  // namespace
}  // namespace nestbox
