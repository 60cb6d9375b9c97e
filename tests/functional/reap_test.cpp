// What `nestbox reap` says of drivers that it cannot ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/functional/ec2_cloud.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::Not;

class Reap : public testing::Test {
protected:
  Reap() {
    // Of no libvirtd and no engine of this host.
    m_nestbox.environment["LIBVIRT_DEFAULT_URI"] = "test:///default";
    m_nestbox.environment["DOCKER_HOST"] = "tcp://127.0.0.1:1";
    m_nestbox.environment["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  void refuse() {
    m_server.fault({{"action", "*"},
                    {"kind", "error"},
                    {"code", "AuthFailure"},
                    {"status", 401},
                    {"times", 1000}});
  }

  test::AwsServer m_server;
  NestboxProgram m_nestbox{NestboxProgram::Cache::empty};
};

TEST_F(Reap, PassesOverDriversThatAreNotSetUpHere) {
  const Captured reaped = m_nestbox.run({"reap"});
  EXPECT_EQ(reaped.status, ExitStatus{});
  EXPECT_EQ(reaped.output, "nothing was left\n");
  EXPECT_EQ(reaped.diagnostics, "");
}

TEST_F(Reap, SaysThatADriverCannotBeAsked) {
  set_up_ec2(m_nestbox, m_server, "image: ami-0123456789abcdef0\n");
  refuse();
  const Captured reaped = m_nestbox.run({"reap"});
  EXPECT_EQ(reaped.status, ExitStatus{}) << "it was never used here";
  EXPECT_EQ(reaped.output, "nothing was left where it could be looked\n");
  EXPECT_THAT(reaped.diagnostics,
              HasSubstr("driver 'ec2' cannot be asked what was left: listing our instances: AWS "
                        "refuses the credentials of the environment"));
  const Captured json = m_nestbox.run({"reap", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.output).at("unasked"), nlohmann::json({"ec2"}));
}

TEST_F(Reap, FailsWhenADriverCannotBeAskedThatWasUsed) {
  set_up_ec2(m_nestbox, m_server, "image: ami-0123456789abcdef0\n");
  m_server.set("ec2.vcpus", 0);
  const Captured run = m_nestbox.run({"run", "--driver", "ec2", "--", "true"});
  EXPECT_THAT(run.output + run.diagnostics, HasSubstr("a quota of the AWS account is used up"));
  EXPECT_EQ(m_nestbox.run({"reap"}).status, ExitStatus{});
  refuse();
  EXPECT_EQ(m_nestbox.run({"reap"}).status.code, 3);
  // Nor does it help to forget the key.
  m_nestbox.environment.erase("AWS_ACCESS_KEY_ID");
  const Captured reaped = m_nestbox.run({"reap"});
  EXPECT_EQ(reaped.status.code, 3);
  EXPECT_THAT(reaped.diagnostics, HasSubstr("driver 'ec2' cannot be asked"));
  EXPECT_THAT(reaped.diagnostics, Not(HasSubstr("docker")));
}

}  // namespace
}  // namespace nestbox
