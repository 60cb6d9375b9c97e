#include "runner/cli/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

class Validate : public testing::Test {
protected:
  void write(const std::string& path, std::string_view text) {
    std::ofstream(m_directory.path() / path) << text;
  }

  int validate(std::vector<std::string> paths = {}, bool json = false) {
    m_output.str("");
    m_diagnostics.str("");
    return run_validate({m_directory.path(), std::move(paths), json}, m_output, m_diagnostics);
  }

  TemporaryDirectory m_directory;
  std::ostringstream m_output;
  std::ostringstream m_diagnostics;
};

TEST_F(Validate, SaysWhatAValidDefinitionHolds) {
  write("nestbox.yml", "version: 1\nenvironments: {lab: }\ntests: {a: x, b: x}\n");
  EXPECT_EQ(validate(), 0);
  EXPECT_EQ(m_output.str(), "nestbox.yml: 1 environment, 2 tests\n");
  EXPECT_EQ(m_diagnostics.str(), "");
}

TEST_F(Validate, SaysEveryMistake) {
  write("nestbox.yml", "version: 1\ntests: {a: {rum: x}, b: {run: x, timeout: 5}}\n");
  EXPECT_EQ(validate(), 2);
  EXPECT_EQ(m_output.str(), "");
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("nestbox.yml:2:13: error: unknown key 'rum' in 'a'"));
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("hint: did you mean 'run'?\n\n"));
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("\n2 mistakes\n"));
}

TEST_F(Validate, WritesJson) {
  write("nestbox.yml", "version: 1\ntests: {a: {rum: x}}\n");
  EXPECT_EQ(validate({}, true), 2);
  EXPECT_EQ(nlohmann::json::parse(m_output.str()), nlohmann::json::parse(R"({
    "version": 1, "valid": false,
    "mistakes": [{"file": "nestbox.yml", "line": 2, "column": 13, "message": "unknown key 'rum' in 'a'",
                  "hint": "did you mean 'run'?"}]})"));
  write("nestbox.yml", "version: 1\n");
  EXPECT_EQ(validate({}, true), 0);
  EXPECT_EQ(nlohmann::json::parse(m_output.str())["valid"], true);
}

TEST_F(Validate, ChecksGivenFilesAndFolders) {
  write("other.yml", "version: 1\n");
  write("a_test.sh", "# nestbox: timeout=1s\n");
  EXPECT_EQ(validate({"other.yml", ".", "a_test.sh"}), 0);
  EXPECT_EQ(m_output.str(), "other.yml: 0 environments, 0 tests\n.: 1 test\na_test.sh: 1 test\n");
  write("a_test.sh", "# nestbox: timeout=1\n");
  EXPECT_EQ(validate({"other.yml", "."}), 2);
  EXPECT_EQ(m_output.str(), "other.yml: 0 environments, 0 tests\n");
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("a_test.sh:1:20: error: 'timeout' has no unit: 1"));
}

TEST_F(Validate, SaysWhenThereIsNothingToCheck) {
  EXPECT_EQ(validate(), 2);
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("no nestbox.yml here or above"));
  EXPECT_EQ(validate({"missing.yml"}), 2);
  EXPECT_THAT(m_diagnostics.str(), HasSubstr("missing.yml"));
}

}  // namespace
}  // namespace nestbox
