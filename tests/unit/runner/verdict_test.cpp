#include "runner/verdict.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

CommandResult exited(int code) {
  CommandResult result;
  result.status.code = code;
  return result;
}

CaseReport report(std::string format, std::vector<Outcome> outcomes, std::string problem = {}) {
  CaseReport made{std::move(format), {}, std::move(problem), false};
  for (Outcome outcome : outcomes)
    made.cases.push_back({"c", outcome, "", {}});
  return made;
}

Verdict judge(const CommandResult& result, std::vector<CaseReport> reports = {},
              std::string_view tail = {}, const Test& test = {}) {
  return judge_performance(test, {result, {}, {}, {}, {}}, reports, std::chrono::seconds(90), tail);
}

TEST(Verdict, FollowsTheExitCode) {
  EXPECT_EQ(judge(exited(0)), (Verdict{Outcome::passed, ""}));
  EXPECT_EQ(judge(exited(3)), (Verdict{Outcome::failed, "exit code 3"}));
  EXPECT_EQ(judge(exited(99)), (Verdict{Outcome::failed, "hard error (exit code 99)"}));
  CommandResult killed;
  killed.status.signal = 11;
  EXPECT_EQ(judge(killed), (Verdict{Outcome::failed, "killed by signal 11 (SEGV)"}));
}

TEST(Verdict, BelievesFailedCasesOverExitCodeZero) {
  EXPECT_EQ(judge(exited(0), {report("tap", {Outcome::passed, Outcome::failed})}),
            (Verdict{Outcome::failed, "exit code 0, but 1 of 2 cases failed"}));
  EXPECT_EQ(
      judge(exited(0), {report("tap", {Outcome::passed}, "planned 3 cases, saw 1")}),
      (Verdict{Outcome::failed, "exit code 0, but its tap report is bad: planned 3 cases, saw 1"}));
}

TEST(Verdict, SaysBothWhenBothFail) {
  EXPECT_EQ(judge(exited(1), {report("junit", {Outcome::failed, Outcome::passed})}),
            (Verdict{Outcome::failed, "exit code 1, 1 of 2 cases failed"}));
}

TEST(Verdict, SkipsWithTheReasonPrinted) {
  EXPECT_EQ(judge(exited(77), {}, "checking\nno nft here\n\n"),
            (Verdict{Outcome::skipped, "no nft here"}));
  EXPECT_EQ(judge(exited(77)), (Verdict{Outcome::skipped, "exit code 77"}));
}

TEST(Verdict, SkipsKselftestsByFour) {
  EXPECT_EQ(judge(exited(4), {report("ktap", {Outcome::skipped})}).outcome, Outcome::skipped);
  EXPECT_EQ(judge(exited(4)).outcome, Outcome::failed);
}

TEST(Verdict, DoesNotSkipWhatAlsoFailed) {
  EXPECT_EQ(judge(exited(77), {report("tap", {Outcome::failed})}).outcome, Outcome::failed);
}

TEST(Verdict, SkipsWhenNothingRan) {
  EXPECT_EQ(judge(exited(0), {CaseReport{"tap", {}, "needs root", true}}),
            (Verdict{Outcome::skipped, "needs root"}));
  EXPECT_EQ(judge(exited(0), {report("tap", {Outcome::skipped, Outcome::skipped})}),
            (Verdict{Outcome::skipped, "all 2 cases skipped"}));
}

TEST(Verdict, TellsAnOutOfMemoryKillFromAFailure) {
  CommandResult result = exited(1);
  result.oom_kills = 2;
  EXPECT_EQ(
      judge(result),
      (Verdict{Outcome::oom,
               "exit code 1; the machine ran out of memory and its kernel killed 2 processes"}));
  result.status.code = 0;
  EXPECT_EQ(judge(result).outcome, Outcome::passed);
}

TEST(Verdict, TellsTimeoutAndInterrupt) {
  CommandResult late;
  late.timed_out = true;
  EXPECT_EQ(judge(late),
            (Verdict{Outcome::timeout, "still running after 1 m 30 s; its processes were killed"}));
  CommandResult stopped;
  stopped.cancelled = true;
  EXPECT_EQ(judge(stopped).outcome, Outcome::cancelled);
}

TEST(Verdict, TurnsExpectedFailuresRound) {
  nestbox::Test test;
  test.expected_failure = "bug 12";
  EXPECT_EQ(judge(exited(1), {}, {}, test), (Verdict{Outcome::xfailed, "bug 12 (exit code 1)"}));
  EXPECT_EQ(judge(exited(0), {}, {}, test),
            (Verdict{Outcome::xpassed, "passed, though expected to fail: bug 12"}));
  EXPECT_EQ(judge(exited(77), {}, {}, test).outcome, Outcome::skipped);
}

TEST(Verdict, NamesTheStep) {
  Performance step{exited(3), "step 2 (exec b -- false)", {}, {}, {}};
  const auto judged = [&] { return judge_performance({}, step, {}, std::chrono::seconds(90), {}); };
  EXPECT_EQ(judged(), (Verdict{Outcome::failed, "step 2 (exec b -- false): exit code 3"}));
  step.problem = "machine 'b' did not listen on port 80 within 20 s";
  EXPECT_EQ(judged(), (Verdict{Outcome::failed, "step 2 (exec b -- false): machine 'b' did not "
                                                "listen on port 80 within 20 s"}));
  step.problem.clear();
  step.command.timed_out = true;
  step.time_limit = std::chrono::seconds(30);
  EXPECT_EQ(judged(), (Verdict{Outcome::timeout, "step 2 (exec b -- false): still running after "
                                                 "30.0 s; its processes were killed"}));
  step = {exited(0), "step 4 (net heal)", {}, {}, {}};
  EXPECT_EQ(judged(), (Verdict{Outcome::passed, ""}));
}

TEST(Verdict, TellsAPanicFromAVanishing) {
  EXPECT_EQ(judge_loss({"", Condition::panicked, ""}, "gone"),
            (Verdict{Outcome::panic, "the machine: kernel panic; see its console"}));
  EXPECT_EQ(judge_loss({"", Condition::stopped, ""}, "gone"),
            (Verdict{Outcome::lost, "the machine powered off or rebooted under the test"}));
  EXPECT_EQ(judge_loss({"", Condition::lost, ""}, "gone"), (Verdict{Outcome::lost, "gone"}));
}

TEST(Verdict, NamesTheMachineOfAWorld) {
  EXPECT_EQ(judge_loss({"b", Condition::panicked,
                        "[ 1.0] Kernel panic - not syncing: sysrq triggered crash\r\n[ 1.1] CPU"},
                       "gone"),
            (Verdict{Outcome::panic,
                     "machine 'b': kernel panic: sysrq triggered crash; see its console"}));
  EXPECT_EQ(judge_loss({"b", Condition::stopped, ""}, {}),
            (Verdict{Outcome::lost, "machine 'b' powered off or rebooted under the test"}));
  EXPECT_EQ(judge_loss({"b", Condition::lost, ""}, {}),
            (Verdict{Outcome::lost, "machine 'b' vanished under the test"}));
}

TEST(Outcome, NamesReadBack) {
  for (Outcome outcome : k_outcomes)
    EXPECT_EQ(parse_outcome(outcome_name(outcome)), outcome);
  EXPECT_EQ(parse_outcome("ok"), std::nullopt);
}

}  // namespace
}  // namespace nestbox
