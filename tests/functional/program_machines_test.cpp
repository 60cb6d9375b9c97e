// What cli_test shows on this host, on machines: the program as people use it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/nestbox_terminal.hpp"

namespace nestbox {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ProgramMachines : public testing::Test {
protected:
  Captured run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"run", "-e", "tiny"});
    return m_program.run(std::move(arguments));
  }

  NestboxProgram m_program;
};

TEST_F(ProgramMachines, AreEnteredByAShell) {
  const TerminalRun shell =
      run_on_terminal(m_program, {"shell", "tiny"}, "stty size; cat /proc/1/comm; exit 7\n");
  EXPECT_EQ(shell.status.code, 7) << shell.seen;
  EXPECT_THAT(shell.seen, AllOf(HasSubstr("\n33 99\r"), HasSubstr("\ninit\r")));
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(ProgramMachines, AreEnteredWhereATestFailed) {
  m_program.write_script("test_a.sh", "#!/bin/sh\necho left > /root-of-the-machine\nexit 1\n");
  const TerminalRun run = run_on_terminal(m_program, {"run", "-e", "tiny", "--shell-on-fail"},
                                          "cat /root-of-the-machine; exit 7\n");
  EXPECT_EQ(run.status.code, 1) << run.seen;
  EXPECT_THAT(run.seen, HasSubstr("\nleft\r"));
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(ProgramMachines, EndWithTheSecondInterrupt) {
  m_program.write_script("test.sh",
                         "#!/bin/sh\ntrap '' INT TERM\necho ready\nwhile :; do sleep 1000; done\n");
  RunningNestbox nestbox(m_program, {"run", "-e", "tiny", "./test.sh"});
  ASSERT_TRUE(nestbox.wait_for("ready")) << nestbox.output();
  nestbox.process().signal(SIGINT);
  ASSERT_TRUE(nestbox.wait_for("interrupt again")) << nestbox.output();
  nestbox.process().signal(SIGINT);
  EXPECT_EQ(nestbox.finish().code, 130);
  EXPECT_TRUE(m_program.processes_gone());
}

TEST_F(ProgramMachines, HaveIgnoredFilesWhenAsked) {
  run_checked({.argv = {"git", "init", "-q"}, .working_directory = m_program.working_directory},
              Deadline::after(std::chrono::minutes(1)));
  write_file_atomically(m_program.working_directory / ".gitignore", "ignored\n");
  write_file_atomically(m_program.working_directory / "ignored", "");
  EXPECT_THAT(run({"--", "ls"}).output, Not(HasSubstr("ignored")));
  EXPECT_THAT(run({"--all-files", "--", "ls"}).output, HasSubstr("ignored"));
}

/// What is built already is run without asking anybody.
TEST_F(ProgramMachines, NeedNoNetworkOnceTheyAreBuilt) {
  EXPECT_EQ(run({"--", "true"}).status, ExitStatus{});
  ProcessSpec spec = m_program.spec({"run", "-e", "tiny", "--", "echo", "alone"});
  spec.argv.insert(spec.argv.begin(), {"unshare", "--user", "--map-root-user", "--net"});
  const Captured alone = run_captured(spec, Deadline::after(std::chrono::minutes(5)));
  EXPECT_EQ(alone.status, ExitStatus{}) << alone.diagnostics;
  EXPECT_THAT(alone.output, HasSubstr("alone\n"));
  EXPECT_THAT(alone.output + alone.diagnostics,
              AllOf(Not(HasSubstr("building")), Not(HasSubstr("booting"))));
}

TEST_F(ProgramMachines, ShareAReportWithTestsOfTheHost) {
  write_file_atomically(m_program.working_directory / "nestbox.yml",
                        "version: 1\n"
                        "defaults: {environment: tiny}\n"
                        "tests:\n"
                        "  adds: {run: 'echo by $NESTBOX_DRIVER', markers: [unit]}\n"
                        "  boots: {run: 'echo by $NESTBOX_DRIVER', markers: [vm]}\n");
  const auto both = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"run", "-v", "--report", "junit=report.xml"});
    const Captured done = m_program.run(std::move(more));
    return done.output + read_file(m_program.working_directory / "report.xml");
  };
  EXPECT_THAT(both({}), AllOf(HasSubstr("by local"), HasSubstr("by qemu"), HasSubstr("2 passed"),
                              HasSubstr("name=\"adds\""), HasSubstr("name=\"boots\"")));
  EXPECT_THAT(both({"-m", "not vm"}), AllOf(HasSubstr("by local"), Not(HasSubstr("by qemu"))));
  EXPECT_THAT(both({"-m", "vm"}), AllOf(HasSubstr("by qemu"), Not(HasSubstr("by local"))));
}

}  // namespace
}  // namespace nestbox
