#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/base/filesystem.hpp"
#include "runner/cases/junit_xml.hpp"
#include "runner/report/github_annotations.hpp"
#include "runner/report/json_lines.hpp"
#include "runner/report/junit.hpp"
#include "runner/report/printable_stream.hpp"
#include "runner/report/run_recorder.hpp"
#include "runner/report/terminal.hpp"

namespace nestbox {
namespace {

using std::chrono::milliseconds;

/// A small run, told to a listener in firing order.
class Story {
public:
  Story() {
    m_tests.resize(3);
    m_tests[0].name = "good.sh";
    m_tests[1].name = "tests/b\xff"
                      "d.sh";
    m_tests[1].where = SourceLocation{"tests/bad.sh", 3, 1, ""};
    m_tests[2].name = "skipped.sh";
  }

  void tell(TestEventListener& listener, bool single_command = false, std::size_t count = 3) {
    RunInfo info;
    info.id = "20260131T000000Z-abcdef";
    info.version = "0.1.0";
    info.drivers = {"qemu: 7.2, tcg; timeouts x 12.0"};
    info.environments = {"debian"};
    info.resources = {2, gibibytes(3)};
    info.tests = count;
    info.deselected = 4;
    info.single_command = single_command;
    listener.run_started(info);
    listener.environment_activity("building debian", false);
    listener.environment_activity("building debian", true);
    EnvironmentUse use;
    use.environment.name = "debian";
    listener.environment_ready(use, milliseconds(1500));

    TestRun run = run_of(0);
    listener.test_started(run);
    listener.test_output(run, OutputStream::standard_output, "all is \xc3");
    listener.test_output(run, OutputStream::standard_output,
                         "\xbc"
                         "ber\n");
    TestResult result;
    result.outcome = Outcome::passed;
    result.status = ExitStatus{};
    result.total_time = milliseconds(250);
    result.output_tail = "all is \xc3\xbc"
                         "ber\n";
    listener.test_finished(run, result);

    run = run_of(1);
    listener.test_started(run);
    result = {};
    result.outcome = Outcome::failed;
    result.detail = "exit code 1, 1 of 2 cases failed";
    result.status = ExitStatus{1, 0};
    result.total_time = milliseconds(1250);
    result.output_tail = "first\n\x1b[31mred\x00 & <end>\n";
    result.reports = {{"tap",
                       {{"one", Outcome::passed, "", {}}, {"two", Outcome::failed, "a < b", {}}},
                       "",
                       false}};
    listener.test_finished(run, result);

    run = run_of(2);
    run.directory.clear();
    result = {};
    result.outcome = Outcome::skipped;
    result.detail = "needs a machine";
    listener.test_finished(run, result);

    RunSummary summary;
    summary.outcomes = {{Outcome::passed, 1}, {Outcome::failed, 1}, {Outcome::skipped, 1}};
    summary.cases = {{Outcome::passed, 1}, {Outcome::failed, 1}};
    summary.duration = milliseconds(4200);
    summary.exit_code = 1;
    listener.run_finished(summary);
  }

private:
  TestRun run_of(std::size_t index) {
    TestRun run;
    run.test = &m_tests[index];
    run.id = m_tests[index].name;
    run.driver = "qemu";
    run.machine = "nestbox-abcdef-1";
    run.directory = "/runs/x/tests/t" + std::to_string(index);
    return run;
  }

  std::vector<Test> m_tests;
};

struct Shown {
  std::string report;
  std::string output;
};

Shown show(TerminalSettings settings, bool single_command = false, std::size_t count = 3) {
  Shown shown;
  settings.write = [&](std::string_view text) { shown.report += text; };
  settings.output = [&](OutputStream, std::string_view bytes) { shown.output += bytes; };
  TerminalReporter reporter(settings);
  Story().tell(reporter, single_command, count);
  return shown;
}

constexpr char k_header[] = "nestbox 0.1.0, run 20260131T000000Z-abcdef\n"
                            "driver       qemu: 7.2, tcg; timeouts x 12.0\n"
                            "environment  debian\n"
                            "host         2 cores, 3 GiB free\n";

TEST(TerminalReport, ShowsALineATestAndTheOutputOfFailures) {
  EXPECT_EQ(show({}).report,
            std::string(k_header)
                + "tests        3 (4 deselected)\n"
                  "\n"
                  "building debian\n"
                  "environment 'debian' ready in 1.5 s\n"
                  "passed    good.sh  250 ms\n"
                  "failed    tests/b\\xffd.sh  1.2 s  2 cases  (exit code 1, 1 of 2 cases failed)\n"
                  "  failed two: a < b\n"
                  "  | first\n"
                  "  | \\x1b[31mred\n"
                  "  see: nestbox show 20260131T000000Z-abcdef 'tests/b\\xffd.sh'\n"
                  "skipped   skipped.sh  (needs a machine)\n"
                  "\n"
                  "1 passed, 1 failed, 1 skipped in 4.2 s (cases: 1 passed, 1 failed)\n");
}

TEST(TerminalReport, ShowsFailuresOnlyWhenQuiet) {
  TerminalSettings settings;
  settings.quiet = true;
  EXPECT_EQ(show(settings).report,
            "failed    tests/b\\xffd.sh  1.2 s  2 cases  (exit code 1, 1 of 2 cases failed)\n"
            "  failed two: a < b\n"
            "  | first\n"
            "  | \\x1b[31mred\n"
            "  see: nestbox show 20260131T000000Z-abcdef 'tests/b\\xffd.sh'\n"
            "1 passed, 1 failed, 1 skipped in 4.2 s (cases: 1 passed, 1 failed)\n");
}

TEST(TerminalReport, StreamsEveryTestWhenVerbose) {
  TerminalSettings settings;
  settings.verbose = true;
  const std::string report = show(settings).report;
  EXPECT_NE(report.find("started   good.sh\ngood.sh | all is \xc3\xbc"
                        "ber\n"),
            std::string::npos)
      << report;
}

TEST(TerminalReport, PassesASingleTestsOutputOn) {
  const Shown shown = show({}, false, 1);
  EXPECT_EQ(shown.output, "all is \xc3\xbc"
                          "ber\n");
}

TEST(TerminalReport, KeepsASingleCommandsBytesWhenTheyGoToAFile) {
  TerminalSettings settings;
  settings.raw_output = true;
  EXPECT_EQ(show(settings, true).output, "all is \xc3\xbc"
                                         "ber\n");
  EXPECT_EQ(show(settings, true).report.find("in 4.2 s"), std::string::npos);
}

TEST(TerminalReport, PaintsOutcomesWhenAsked) {
  TerminalSettings settings;
  settings.color = true;
  const std::string report = show(settings).report;
  EXPECT_NE(report.find("\x1b[32mpassed   \x1b[0m good.sh"), std::string::npos) << report;
  EXPECT_NE(report.find("\x1b[31mfailed   \x1b[0m tests"), std::string::npos) << report;
}

TEST(TerminalReport, TakesItsLiveRegionAwayAtTheEnd) {
  TerminalSettings settings;
  settings.live = true;
  const std::string report = show(settings).report;
  EXPECT_NE(report.find("running  good.sh"), std::string::npos) << report;
  EXPECT_TRUE(
      report.ends_with("1 passed, 1 failed, 1 skipped in 4.2 s (cases: 1 passed, 1 failed)\n"))
      << report;
}

TEST(LiveRegion, CutsLinesAtTheTerminalsWidth) {
  std::string written;
  LiveRegion region([&](std::string_view text) { written += text; });
  region.draw({"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"}, 4);
  region.erase();
  EXPECT_EQ(written, "\xc3\xbc\xc3\xbc\xc3\xbc\n\x1b[1A\r\x1b[J");
}

TEST(PrintableStream, KeepsCharactersThatPiecesCut) {
  PrintableStream stream;
  std::string text;
  for (char byte : std::string("a\xf0\x9f\xa6\x89"
                               "b\xff"))
    text += stream.feed({&byte, 1});
  EXPECT_EQ(text + stream.finish(), "a\xf0\x9f\xa6\x89"
                                    "b\\xff");
  EXPECT_EQ(stream.feed("\xe2\x82"), "");
  EXPECT_EQ(stream.finish(), "\\xe2\\x82");
}

TEST(JUnitReport, IsValidWhateverBytesATestWrites) {
  TemporaryDirectory directory;
  JUnitReporter reporter(directory.path() / "out.xml");
  Story().tell(reporter);
  const std::string xml = read_file(directory.path() / "out.xml");
  EXPECT_EQ(xml, R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nestbox" tests="4" failures="1" errors="0" skipped="1" time="4.200">
  <testsuite name="good.sh" tests="1" failures="0" errors="0" skipped="0" time="0.250">
    <testcase classname="good.sh" name="good.sh" time="0.000"/>
    <system-out>all is über
</system-out>
  </testsuite>
  <testsuite name="tests/b\xffd.sh" tests="2" failures="1" errors="0" skipped="0" time="1.250">
    <testcase classname="tests/b\xffd.sh" name="one" time="0.000"/>
    <testcase classname="tests/b\xffd.sh" name="two" time="0.000">
      <failure type="failed" message="a &lt; b"/>
    </testcase>
    <system-out>first
\x1b[31mred</system-out>
  </testsuite>
  <testsuite name="skipped.sh" tests="1" failures="0" errors="0" skipped="1" time="0.000">
    <testcase classname="skipped.sh" name="skipped.sh" time="0.000">
      <skipped type="skipped" message="needs a machine"/>
    </testcase>
  </testsuite>
</testsuites>
)");
  EXPECT_TRUE(parse_junit_xml(xml));
}

TEST(JUnitReport, EscapesEveryByteIntoXml) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = "<testsuite><testcase name=\""
                             + xml_text(std::string(1, static_cast<char>(byte)))
                             + "\"/></testsuite>";
    EXPECT_TRUE(parse_junit_xml(text)) << byte;
  }
  EXPECT_EQ(xml_text("\xef\xbf\xbf\xef\xbf\xbe"), "\\xef\\xbf\\xbf\\xef\\xbf\\xbe");
}

TEST(JUnitReport, SaysAtOnceThatItCannotBeWritten) {
  EXPECT_THROW(JUnitReporter("/nowhere/at/all.xml"), Error);
  EXPECT_THROW(JsonLinesReporter("/nowhere/at/all.jsonl"), Error);
}

TEST(JsonLines, IsOneObjectAnEvent) {
  TemporaryDirectory directory;
  {
    JsonLinesReporter reporter(directory.path() / "events.jsonl");
    Story().tell(reporter);
  }
  std::ifstream file(directory.path() / "events.jsonl");
  std::vector<std::string> events;
  nlohmann::json failed;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json event = nlohmann::json::parse(line);
    events.push_back(event.at("event"));
    EXPECT_TRUE(event.contains("time"));
    if (event.contains("exit_code") && event.at("exit_code") == 1 && event.contains("test"))
      failed = event;
  }
  EXPECT_EQ(events, (std::vector<std::string>{"run_started", "environment_activity",
                                              "environment_activity", "environment_ready",
                                              "test_started", "test_finished", "test_started",
                                              "test_finished", "test_finished", "run_finished"}));
  EXPECT_EQ(failed.at("id"), "tests/b\\xffd.sh");
  EXPECT_EQ(failed.at("outcome"), "failed");
  EXPECT_EQ(failed.at("reports")[0].at("cases")[1].at("message"), "a < b");
}

TEST(RunRecorder, TellsAFinishedRunFromAnUnfinishedOne) {
  TemporaryDirectory directory;
  RunRecorder recorder(directory.path(), {"run", "x"});
  RunInfo info;
  info.id = "r";
  recorder.run_started(info);
  EXPECT_FALSE(
      nlohmann::json::parse(read_file(directory.path() / "run.json")).contains("finished"));
  recorder.run_finished({});
  const nlohmann::json json = nlohmann::json::parse(read_file(directory.path() / "run.json"));
  EXPECT_TRUE(json.contains("finished"));
  EXPECT_EQ(json.at("command_line"), (nlohmann::json{"run", "x"}));
}

TEST(GithubAnnotations, MarkFailuresAndEscapeForeignBytes) {
  std::string written;
  GithubAnnotations annotations([&](std::string_view text) { written += text; });
  Story().tell(annotations);
  EXPECT_EQ(
      written,
      "::error file=tests/bad.sh,line=3,title=tests/b\\xffd.sh::failed: exit code 1, 1 of 2 cases "
      "failed%0Afirst%0A\\x1b[31mred\n");
}

}  // namespace
}  // namespace nestbox
