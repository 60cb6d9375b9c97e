#include "harness/base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nestbox {
namespace {

using testing::ElementsAre;

class Log : public testing::Test {
protected:
  Log() { set_log_level(LogLevel::info); }
  ~Log() override {
    set_log_sink(nullptr);
    set_log_level(LogLevel::info);
    s_lines.clear();
  }

  static void sink(LogLevel, std::string_view message) { s_lines.emplace_back(message); }

  static inline std::vector<std::string> s_lines;
};

TEST_F(Log, SaysWhoSpeaksAndHowGraveItIs) {
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "disk is full");
  log(LogLevel::info, "building 'x'");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "nestbox: warning: disk is full\nnestbox: building 'x'\n");
}

TEST_F(Log, DropsLinesBelowTheLevel) {
  set_log_sink(sink);
  log(LogLevel::debug, "a");
  set_log_level(LogLevel::debug);
  log(LogLevel::debug, "b");
  set_log_level(LogLevel::warning);
  log(LogLevel::info, "c");
  EXPECT_THAT(s_lines, ElementsAre("b"));
}

TEST_F(Log, MakesControlBytesVisible) {
  set_log_sink(sink);
  log(LogLevel::warning, "\x1b[2Jgone");
  EXPECT_THAT(s_lines, ElementsAre("\\x1b[2Jgone"));
}

}  // namespace
}  // namespace nestbox
