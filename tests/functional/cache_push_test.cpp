// kill -9 of nestbox while it stores layers leaves nothing that `nestbox reap` does not end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "harness/env/layer_cache.hpp"
#include "tests/support/aws_server.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Bytes k_layer_size = mebibytes(40);  // goes up in three parts

class KillDuringPush : public testing::Test {
protected:
  KillDuringPush() : m_nestbox(NestboxProgram::Cache::empty) {
    for (const auto& [name, value] : m_server.variables())
      if (name != "HOME")
        m_nestbox.environment[name] = value;
    LayerCache(m_nestbox.cache())
        .find_or_build({.key = "key",
                        .kind = "disk",
                        .description = "noise, which no archive makes smaller",
                        .build =
                            [](const fs::path& staging) {
                              std::mt19937_64 random(1);
                              std::string noise;
                              while (noise.size() < k_layer_size.count)
                                noise += std::to_string(random());
                              write_file_atomically(staging / "noise", noise);
                            }},
                       {});
  }

  std::vector<fs::path> half_files(const fs::path& folder) const {
    std::vector<fs::path> found;
    if (fs::exists(folder))
      for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        found.push_back(entry.path());
    return found;
  }

  void expect_nothing_left() {
    EXPECT_THAT(half_files(m_nestbox.cache() / "exchange"), IsEmpty());
    EXPECT_THAT(half_files(m_nestbox.home() / "state/nestbox/puts"), IsEmpty());
  }

  test::AwsServer m_server;
  NestboxProgram m_nestbox;
};

TEST_F(KillDuringPush, LeavesNoUploadInABucketThatIsNotReaped) {
  // While it begins, in its middle, and while it is completed.
  const std::vector<nlohmann::json> moments = {
      {{{"action", "POST"}, {"kind", "hold"}}},
      {{{"action", "PUT"}, {"kind", "none"}}, {{"action", "PUT"}, {"kind", "hold"}}},
      {{{"action", "POST"}, {"kind", "none"}},
       {{"action", "PUT"}, {"kind", "none"}, {"times", 3}},
       {{"action", "POST"}, {"kind", "hold"}}}};
  for (const nlohmann::json& faults : moments) {
    m_server.control({{"faults", faults}});
    RunningNestbox push(m_nestbox, {"cache", "push", "s3://bucket/some/where"});
    ASSERT_TRUE(m_server.await_held()) << push.output();
    push.process().kill();

    const Captured seen = m_nestbox.run({"reap", "--dry-run"});
    EXPECT_THAT(seen.output, HasSubstr("s3://bucket/some/where: half of blob "));
    const Captured reaped = m_nestbox.run({"reap"});
    EXPECT_EQ(reaped.status, ExitStatus{}) << reaped.diagnostics;
    EXPECT_THAT(reaped.output, HasSubstr("s3://bucket/some/where: half of blob "));
    EXPECT_THAT(reaped.output, HasSubstr(" ended\n"));
    EXPECT_EQ(m_server.state().at("uploads"), 0);
    EXPECT_EQ(m_nestbox.run({"reap"}).output, "nothing was left\n");
    expect_nothing_left();
  }
}

TEST_F(KillDuringPush, IsSaidToBeLeftWhileTheBucketCannotBeAsked) {
  m_server.fault({{"action", "POST"}, {"kind", "hold"}});
  RunningNestbox push(m_nestbox, {"cache", "push", "s3://bucket"});
  ASSERT_TRUE(m_server.await_held()) << push.output();
  push.process().kill();
  m_server.fault({{"action", "GET"}, {"kind", "error"}, {"status", 403}, {"code", "AccessDenied"}});
  const Captured refused = m_nestbox.run({"reap"});
  EXPECT_EQ(refused.status.code, 3) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("could not be ended"));
  EXPECT_EQ(m_nestbox.run({"reap"}).status, ExitStatus{});
  EXPECT_EQ(m_server.state().at("uploads"), 0);
  expect_nothing_left();
}

TEST_F(KillDuringPush, LeavesNoHalfFileInAFolderThatIsNotReaped) {
  const fs::path store = m_nestbox.home() / "store";
  // While it packs, stores, or is done already, whatever the load of this host.
  for (const auto moment : {0ms, 100ms, 300ms, 600ms}) {
    RunningNestbox push(m_nestbox, {"cache", "push", store});
    ASSERT_TRUE(push.wait_for("pushing layer")) << push.output();
    push.process().wait(Deadline::after(moment));
    push.process().kill();
    const Captured reaped = m_nestbox.run({"reap"});
    EXPECT_EQ(reaped.status, ExitStatus{}) << reaped.output << reaped.diagnostics;
    EXPECT_THAT(half_files(store / "staging"), IsEmpty());
    expect_nothing_left();
  }
  EXPECT_EQ(m_nestbox.run({"cache", "push", store}).status, ExitStatus{});
}

}  // namespace
}  // namespace nestbox
