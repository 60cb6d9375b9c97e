#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/aws_server.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WarmStart, RunsOnWhatAnotherHostHasPushed) {
  const NestboxProgram one(NestboxProgram::Cache::image);
  const TemporaryDirectory store;
  const Captured pushed = one.run({"cache", "push", store.path(), "tiny"});
  ASSERT_EQ(pushed.status, ExitStatus{}) << pushed.diagnostics;
  const Captured again = one.run({"cache", "push", store.path(), "tiny"});
  EXPECT_THAT(again.output, HasSubstr("pushed 0 of")) << again.diagnostics;
  remove_tree(one.cache());

  const NestboxProgram other(NestboxProgram::Cache::empty);
  const Captured pulled = other.run({"cache", "pull", store.path(), "tiny"});
  ASSERT_EQ(pulled.status, ExitStatus{}) << pulled.diagnostics;
  EXPECT_THAT(pulled.output, HasSubstr("fetched"));
  EXPECT_THAT(pulled.diagnostics, Not(HasSubstr("booting environment")));
  const Captured run = other.run({"run", "-e", "tiny", "--", "echo", "it is warm"});
  EXPECT_EQ(run.status, ExitStatus{}) << run.diagnostics;
  EXPECT_THAT(run.output, HasSubstr("it is warm"));
  EXPECT_THAT(run.diagnostics, Not(HasSubstr("building")));
  EXPECT_THAT(other.run({"cache", "verify"}).output, HasSubstr("are sound"));
}

TEST(WarmStart, RunsOnWhatTheOwnerOfABucketHasLinkedTo) {
  constexpr const char* k_bucket = "s3://bucket/layers";
  test::AwsServer server;
  NestboxProgram owner(NestboxProgram::Cache::image);
  for (const auto& [name, value] : server.variables())
    if (name != "HOME")
      owner.environment[name] = value;
  const Captured early = owner.run({"cache", "link", k_bucket, "tiny"});
  EXPECT_EQ(early.status.code, 2);
  EXPECT_THAT(early.diagnostics, HasSubstr("push it first"));
  const Captured pushed = owner.run({"cache", "push", k_bucket, "tiny"});
  ASSERT_EQ(pushed.status, ExitStatus{}) << pushed.diagnostics;
  const Captured links = owner.run({"cache", "link", k_bucket, "tiny", "--for", "1h"});
  ASSERT_EQ(links.status, ExitStatus{}) << links.diagnostics;
  remove_tree(owner.cache());

  // It has neither a key nor the address of the bucket.
  const NestboxProgram other(NestboxProgram::Cache::empty);
  const fs::path file = other.working_directory / "links.json";
  write_file_atomically(file, links.output);
  const Captured pulled = other.run({"cache", "pull", file, "tiny"});
  ASSERT_EQ(pulled.status, ExitStatus{}) << pulled.diagnostics;
  EXPECT_THAT(pulled.diagnostics, Not(HasSubstr("booting environment")));
  const Captured run = other.run({"run", "-e", "tiny", "--", "echo", "it is warm"});
  EXPECT_THAT(run.output, HasSubstr("it is warm")) << run.diagnostics;
}

TEST(WarmStart, BuildsEveryLayerAnewWhenAskedTo) {
  const NestboxProgram nestbox(NestboxProgram::Cache::image);
  const Captured built = nestbox.run({"env", "build", "tiny"});
  ASSERT_EQ(built.status, ExitStatus{}) << built.diagnostics;
  EXPECT_THAT(built.diagnostics, Not(HasSubstr("building the initramfs")));

  const Captured refreshed = nestbox.run({"env", "refresh", "tiny"});
  ASSERT_EQ(refreshed.status, ExitStatus{}) << refreshed.diagnostics;
  EXPECT_THAT(refreshed.diagnostics, HasSubstr("building the initramfs"));
  EXPECT_THAT(refreshed.output, HasSubstr("environment 'tiny' ready in"));

  const Captured again = nestbox.run({"env", "build", "tiny"});
  EXPECT_THAT(again.diagnostics, Not(HasSubstr("building"))) << "nothing is stale now";
  EXPECT_THAT(nestbox.run({"cache", "verify"}).output, HasSubstr("are sound"));
}

TEST(WarmStart, SaysWhatIsWrongWithAStore) {
  const NestboxProgram nestbox(NestboxProgram::Cache::empty);
  const Captured run = nestbox.run({"cache", "push", "s3://Not_A_Bucket"});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.diagnostics, HasSubstr("'Not_A_Bucket' cannot name a bucket"));
  const Captured folder = nestbox.run({"cache", "link", nestbox.home()});
  EXPECT_EQ(folder.status.code, 2);
  EXPECT_THAT(folder.diagnostics, HasSubstr("is no bucket"));
}

}  // namespace
}  // namespace nestbox
