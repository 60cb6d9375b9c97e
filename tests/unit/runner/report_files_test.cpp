#include "runner/cases/report_files.hpp"

#include <gtest/gtest.h>

#include "harness/base/filesystem.hpp"
#include "runner/cases/json_reports.hpp"
#include "runner/cases/junit_xml.hpp"

namespace nestbox {
namespace {

using std::chrono::milliseconds;

TEST(JUnitXml, ReadsSurefire) {
  EXPECT_EQ(value_or_throw(parse_junit_xml(R"(<?xml version="1.0"?>
<testsuite name="s" tests="4">
  <testcase classname="a.B" name="passes" time="0.25"/>
  <testcase classname="a.B" name="fails"><failure message="1 &lt; 2">trace</failure></testcase>
  <testcase name="errs"><error>
     went wrong
  </error></testcase>
  <testcase name="skips"><skipped message="no tool"/></testcase>
</testsuite>)")),
            (CaseReport{"junit",
                        {{"a.B > passes", Outcome::passed, "", milliseconds(250)},
                         {"a.B > fails", Outcome::failed, "1 < 2", {}},
                         {"errs", Outcome::failed, "went wrong", {}},
                         {"skips", Outcome::skipped, "no tool", {}}},
                        "",
                        false}));
}

TEST(JUnitXml, ReadsGoogleTestAndPytestHabits) {
  const CaseReport report = value_or_throw(parse_junit_xml(R"(<testsuites><testsuite name="S">
  <testcase name="Disabled" status="notrun" classname="S"/>
  <testcase name="Skipped" status="run" result="skipped" classname="S"><skipped message="x"/></testcase>
  <testcase name="x" classname="t"><skipped type="pytest.xfail" message="known"/></testcase>
  <testcase name="two" classname="S"><failure message="first"/><failure message="second"/></testcase>
</testsuite></testsuites>)"));
  EXPECT_EQ(report.cases, (std::vector<TestCase>{{"S > Disabled", Outcome::skipped, "", {}},
                                                 {"S > Skipped", Outcome::skipped, "x", {}},
                                                 {"t > x", Outcome::xfailed, "known", {}},
                                                 {"S > two", Outcome::failed, "first", {}}}));
}

TEST(JUnitXml, RefusesBrokenAndForeignXml) {
  EXPECT_EQ(parse_junit_xml("<testsuite><testcase>").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse_junit_xml("<testsuite>").error().message, "line 1: no element found");
  EXPECT_EQ(parse_junit_xml("<pom/>").error().code, ErrorCode::unsupported);
  EXPECT_EQ(parse_junit_xml("").error().code, ErrorCode::corrupt);
}

TEST(JUnitXml, RefusesEntitiesThatExplode) {
  std::string bomb = "<!DOCTYPE x [<!ENTITY a0 \"0123456789\">";
  for (int level = 1; level < 12; ++level) {
    bomb += "<!ENTITY a" + std::to_string(level) + " \"";
    for (int copy = 0; copy < 10; ++copy)
      bomb += "&a" + std::to_string(level - 1) + ";";
    bomb += "\">";
  }
  EXPECT_FALSE(parse_junit_xml(bomb + "]><testsuite><testcase name=\"&a11;\"/></testsuite>"));
}

TEST(GtestJson, ReadsResults) {
  EXPECT_EQ(value_or_throw(parse_gtest_json(R"({"tests":3,"testsuites":[{"name":"S","testsuite":[
      {"name":"A","status":"RUN","result":"COMPLETED","time":"0.5s"},
      {"name":"B","status":"RUN","result":"COMPLETED","time":"0s","failures":[{"failure":"boom","type":""}]},
      {"name":"C","status":"NOTRUN","result":"SUPPRESSED"}]}]})"))
                .cases,
            (std::vector<TestCase>{{"S > A", Outcome::passed, "", milliseconds(500)},
                                   {"S > B", Outcome::failed, "boom", {}},
                                   {"S > C", Outcome::skipped, "", {}}}));
  EXPECT_EQ(parse_gtest_json("{}").error().code, ErrorCode::unsupported);
  EXPECT_EQ(parse_gtest_json("{").error().code, ErrorCode::corrupt);
  EXPECT_TRUE(parse_gtest_json(R"({"testsuites":[1,{"testsuite":[2]}]})")->cases.empty());
}

TEST(TestSummary, ReadsVersionOne) {
  EXPECT_EQ(
      value_or_throw(parse_test_summary(
                         R"({"version":1,"cases":[{"name":"a","outcome":"passed","seconds":1.5},
                               {"name":"b","outcome":"failed","message":"m"}]})"))
          .cases,
      (std::vector<TestCase>{{"a", Outcome::passed, "", milliseconds(1500)},
                             {"b", Outcome::failed, "m", {}}}));
}

TEST(TestSummary, SaysWhatIsWrong) {
  EXPECT_EQ(parse_test_summary("nonsense").error().message, "not valid JSON");
  EXPECT_EQ(parse_test_summary("{}").error().message, "needs \"version\": 1");
  EXPECT_EQ(parse_test_summary(R"({"version":1})").error().message, "needs a list \"cases\"");
  EXPECT_EQ(parse_test_summary(R"({"version":1,"cases":[{}]})").error().message,
            "case 0 needs a \"name\"");
  EXPECT_EQ(
      parse_test_summary(R"({"version":1,"cases":[{"name":"a","outcome":"ok"}]})").error().message,
      "case 'a' has the unknown outcome 'ok'");
}

class ReportFiles : public testing::Test {
protected:
  void write(const std::string& name, std::string_view text) {
    fs::create_directories((m_directory.path() / name).parent_path());
    write_file_atomically(m_directory.path() / name, text);
  }
  std::vector<CaseReport> read() const { return read_report_files(m_directory.path()); }

  TemporaryDirectory m_directory;
};

TEST_F(ReportFiles, FindsReportsInFoldersAndPassesOverOtherFiles) {
  write("sub/out.xml", "<testsuite><testcase name=\"a\"/></testsuite>");
  write("z.json", R"({"testsuites":[{"name":"S","testsuite":[{"name":"b"}]}]})");
  write("pom.xml", "<project/>");
  write("broken.xml", "<html>");
  write("data.json", "[1,2]");
  const std::vector<CaseReport> reports = read();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].format, "junit");
  EXPECT_EQ(reports[1].format, "gtest");
}

TEST_F(ReportFiles, TakesTheSummaryAsTheOneTruth) {
  write("testSummary.json", R"({"version":1,"cases":[{"name":"a","outcome":"passed"}]})");
  write("junit.xml", "<testsuite><testcase name=\"b\"/></testsuite>");
  ASSERT_EQ(read().size(), 1U);
  EXPECT_EQ(read()[0].format, "testSummary");
}

TEST_F(ReportFiles, MakesAProblemOfABrokenReport) {
  write("junit-1.xml", "<testsuite>");
  ASSERT_EQ(read().size(), 1U);
  EXPECT_EQ(read()[0].problem, "'junit-1.xml': line 1: no element found");
}

TEST_F(ReportFiles, FollowsNoSymlink) {
  TemporaryDirectory elsewhere;
  write_file_atomically(elsewhere.path() / "junit.xml",
                        "<testsuite><testcase name=\"a\"/></testsuite>");
  fs::create_symlink(elsewhere.path() / "junit.xml", m_directory.path() / "junit.xml");
  fs::create_directory_symlink(elsewhere.path(), m_directory.path() / "folder");
  EXPECT_TRUE(read().empty());
}

TEST_F(ReportFiles, FindsNothingInAnAbsentFolder) {
  EXPECT_TRUE(read_report_files(m_directory.path() / "absent").empty());
}

}  // namespace
}  // namespace nestbox
