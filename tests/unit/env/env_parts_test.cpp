#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/env/guest_image.hpp"
#include "harness/env/host_tool.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/tail.hpp"
#include "harness/model/name_rules.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

TEST(Tail, KeepsTheLastLines) {
  Tail tail;
  EXPECT_EQ(tail.last_lines(), "");
  tail.add("one\n");
  EXPECT_EQ(tail.last_lines(), "one");
  for (int i = 0; i < 1000; ++i)
    tail.add("line " + std::to_string(i) + "\n");
  EXPECT_TRUE(tail.last_lines().starts_with("line 985\n"));
  EXPECT_TRUE(tail.last_lines().ends_with("\nline 999"));
  tail.add(std::string(100'000, 'x'));
  EXPECT_LE(tail.last_lines().size(), 4096U);
}

TEST(HostTool, TellsOutputAsItComes) {
  ProgressRecorder recorder;
  run_tool({.argv = {"sh", "-c", "echo out; echo err >&2"}}, recorder,
           Deadline::after(std::chrono::minutes(1)), {});
  EXPECT_EQ(recorder.text, "out\nerr\n");
}

TEST(HostTool, ReportsFailureWithTheLastLines) {
  ProgressRecorder recorder;
  try {
    run_tool({.argv = {"sh", "-c", "echo it broke; exit 3"}}, recorder,
             Deadline::after(std::chrono::minutes(1)), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_EQ(error.message, "'sh' failed (exit code 3):\nit broke");
  }
}

TEST(HostTool, StopsWhenCancelledOrOutOfTime) {
  ProgressRecorder recorder;
  CancelSource source;
  source.cancel();
  const auto code = [&](Deadline deadline, const CancelToken& cancel) {
    return catch_error([&] {
             run_tool({.argv = {"sleep", "1000"}}, recorder, deadline, cancel);
           })
        .error()
        .code;
  };
  EXPECT_EQ(code(Deadline::never(), source.token()), ErrorCode::cancelled);
  EXPECT_EQ(code(Deadline::after(std::chrono::milliseconds(1)), {}), ErrorCode::timeout);
}

TEST(HostTool, NamesThePackageOfAnAbsentTool) {
  try {
    require_tool("no-such-tool", "some-package");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint, "apt-get install some-package");
  }
}

TEST(MachineIdentity, IsNeverTheSameTwice) {
  const Identity one = fresh_identity("a"), two = fresh_identity("a");
  EXPECT_THAT(one.machine_id, testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(one.machine_id, two.machine_id);
  EXPECT_EQ(one.entropy.size(), 64U);
  EXPECT_NE(one.entropy, two.entropy);
  EXPECT_LE(one.realtime, two.realtime);
}

TEST(MachineIdentity, MakesAHostnameOfAnyName) {
  EXPECT_EQ(hostname_from("db-1"), "db-1");
  EXPECT_EQ(hostname_from("tests/net ns.sh"), "tests-net-ns-sh");
  EXPECT_EQ(hostname_from("--x--"), "x");
  EXPECT_EQ(hostname_from("\n/"), "machine");
  EXPECT_EQ(hostname_from(std::string(100, 'a')).size(), 63U);
}

std::string refusal(const Environment& environment) {
  try {
    check_image(environment, Boots::kernel);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::definition);
    return error.message + (error.hint.empty() ? "" : " | " + error.hint);
  }
}

TEST(GuestImage, RefusesWhatCannotBe) {
  Environment environment;
  environment.name = "x";
  EXPECT_EQ(refusal(environment), "");
  environment.image = "debain:bookworm";
  EXPECT_EQ(refusal(environment),
            "environment 'x': unknown image 'debain:bookworm' | did you mean 'debian:bookworm'?");
  environment.image = "windows";
  EXPECT_EQ(refusal(environment),
            "environment 'x': unknown image 'windows' | images are 'tiny' and 'debian:SUITE'");
  environment.image = "debian:../x";
  EXPECT_THAT(refusal(environment), HasSubstr("unknown image"));
  environment.image = "debian:bookworm";
  environment.packages = {"nftables", "x; rm -rf /"};
  EXPECT_EQ(refusal(environment), "environment 'x': 'x; rm -rf /' is not the name of a package");
  environment.image = "tiny";
  EXPECT_THAT(refusal(environment), HasSubstr("image 'tiny' has no package manager"));
  environment.packages.clear();
  EXPECT_EQ(refusal(environment), "");
  environment.init = Init::systemd;
  EXPECT_THAT(refusal(environment), HasSubstr("image 'tiny' has no systemd"));
}

TEST(GuestImage, LeavesImagesOfDriversToThem) {
  Environment environment;
  environment.name = "x";
  environment.image = "docker:debian:12";
  EXPECT_THAT(refusal(environment), HasSubstr("image 'docker:debian:12' is for drivers that boot "
                                              "images"));
  EXPECT_NO_THROW(check_image(environment, Boots::image));
  environment.packages = {"curl"};
  EXPECT_THROW(check_image(environment, Boots::image), Error);
}

TEST(GuestImage, LeavesDisksToDriversThatBootThem) {
  Environment environment;
  environment.name = "x";
  environment.image = "disk:images/own.qcow2";
  EXPECT_EQ(refusal(environment), "");
  EXPECT_THROW(check_image(environment, Boots::image), Error);
  environment.packages = {"curl"};
  EXPECT_EQ(refusal(environment),
            "environment 'x': 'packages' are for images 'debian:SUITE' | install them by a step: "
            "'- run: …'");
}

TEST(GuestImage, PointsAtTheEnvironment) {
  Environment environment;
  environment.image = "windows";
  environment.where = SourceLocation{"nestbox.yml", 3, 5, "  x:"};
  try {
    check_image(environment, Boots::kernel);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.where, environment.where);
  }
}

}  // namespace
}  // namespace nestbox
