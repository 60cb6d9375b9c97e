// kill -9 of nestbox while it rents machines leaves nothing that `nestbox reap` does not find and
// end: instances, their key pair and security group, images, snapshots.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/functional/ec2_cloud.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Deadline soon() {
  return Deadline::after(std::chrono::minutes(2));
}

/// Reaps, and asks what is there still: `images` beside the one that everything comes from.
void expect_all_is_reaped(const NestboxProgram& nestbox, test::AwsServer& aws, std::size_t images) {
  EXPECT_TRUE(nestbox.processes_gone());
  const Captured reaped = nestbox.run({"reap", "--driver", "ec2"});
  EXPECT_EQ(reaped.status, ExitStatus{}) << reaped.output << reaped.diagnostics;
  EXPECT_THAT(reaped.output, HasSubstr(" ended\n"));
  const nlohmann::json state = aws.state();
  EXPECT_EQ(aws.running(), 0U);
  EXPECT_THAT(state.at("keys"), IsEmpty());
  EXPECT_THAT(state.at("groups"), IsEmpty());
  EXPECT_THAT(state.at("images"), SizeIs(1 + images));
  EXPECT_THAT(state.at("snapshots"), SizeIs(images));
  EXPECT_EQ(nestbox.run({"reap", "--driver", "ec2"}).output, "nothing was left\n");
}

/// The port of an ssh server that accepts, and says nothing.
class MutePort {
public:
  MutePort() : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(m_socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0
        || ::listen(m_socket.get(), 8) != 0
        || ::getsockname(m_socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw system_error("cannot listen", errno);
    m_port = ntohs(address.sin_port);
  }

  int port() const { return m_port; }
  bool await_caller() const { return wait_readable(m_socket.get(), soon()) == Wait::ready; }

private:
  FileDescriptor m_socket;
  int m_port = 0;
};

TEST(KillDuringRenting, LeavesNothingThatIsNotReaped) {
  test::AwsServer aws;
  NestboxProgram nestbox(NestboxProgram::Cache::empty);
  const MutePort ssh;
  set_up_ec2(nestbox, aws, fmt::format("image: {}\nssh_port: {}\n", Ec2Cloud::k_image, ssh.port()));
  const auto kill_when = [&](const std::function<bool()>& it_is_time) {
    RunningNestbox run(nestbox, {"run", "--driver", "ec2", "--", "true"});
    ASSERT_TRUE(it_is_time()) << run.output();
    run.process().kill();
    expect_all_is_reaped(nestbox, aws, 0);
  };
  for (const char* action :
       {"ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances"}) {
    SCOPED_TRACE(action);
    aws.fault({{"action", action}, {"kind", "hold"}});
    kill_when([&] { return aws.await_held(); });
  }
  // Of these the first asks whether the driver works here.
  aws.control({{"faults",
                {{{"action", "DescribeInstances"}, {"kind", "none"}},
                 {{"action", "DescribeInstances"}, {"kind", "hold"}}}}});
  kill_when([&] { return aws.await_held(); });
  kill_when([&] { return ssh.await_caller(); });
}

constexpr const char* k_definition = R"(version: 1
environments:
  made:
    image: debian:bookworm
tests:
  long:
    environment: made
    run: cat /own; sleep 1000
)";

TEST(KillDuringRun, LeavesNothingButImagesOfLayersThatIsNotReaped) {
  Ec2Cloud cloud;
  NestboxProgram nestbox(NestboxProgram::Cache::empty);
  set_up_ec2(nestbox, cloud.aws(),
             cloud.settings() + "user_data: |\n  #!/bin/sh\n  echo begun > /own\n");
  write_file_atomically(nestbox.working_directory / "nestbox.yml", k_definition);
  {
    cloud.aws().fault({{"action", "CreateImage"}, {"kind", "hold"}});
    RunningNestbox run(nestbox, {"run", "--driver", "ec2", "-k", "long"});
    ASSERT_TRUE(cloud.aws().await_held()) << run.output();
    run.process().kill();
    expect_all_is_reaped(nestbox, cloud.aws(), 0);
  }
  RunningNestbox run(nestbox, {"run", "--driver", "ec2", "-v", "-k", "long"});
  ASSERT_TRUE(run.wait_for("begun")) << run.output();
  run.process().kill();
  expect_all_is_reaped(nestbox, cloud.aws(), 1);

  if (!ec2::this_host().empty()) {  // else nothing says of which host an image is
    EXPECT_EQ(nestbox.run({"cache", "drop", "all"}).status, ExitStatus{});
    expect_all_is_reaped(nestbox, cloud.aws(), 0);
  }
}

}  // namespace
}  // namespace nestbox
