#include "tests/functional/remote_install.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {

using testing::HasSubstr;

void expect_remote_install(NestboxProgram& nestbox, const std::string& driver) {
  fs::copy(fs::path(NESTBOX_SOURCE_DIR) / "examples/remote-install", nestbox.working_directory,
           fs::copy_options::recursive);
  const Captured done = nestbox.run({"run", "-v", "--driver", driver}, std::chrono::minutes(15));
  EXPECT_EQ(done.status, ExitStatus{}) << done.output << done.diagnostics;
  EXPECT_THAT(done.output, HasSubstr("ok: core1 greets core0"));
  EXPECT_THAT(done.output, HasSubstr("ok: core0 does not greet core1"));
  EXPECT_THAT(done.output, HasSubstr("2 passed"));
}

}  // namespace nestbox
