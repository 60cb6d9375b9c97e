// Tests that drive machines over ssh, as examples/remote-install has it, which driver ec2 rents:
// from the tests' own EC2, whose instances are forked virtual machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/functional/remote_install.hpp"
#include "tests/support/aws_server.hpp"

namespace nestbox {
namespace {

using testing::Contains;
using testing::Each;
using testing::IsEmpty;

constexpr const char* k_image = "ami-0123456789abcdef0";

constexpr const char* k_cloud = R"(version: 1
environments:
  ami:
    from: debian-systemd
    packages: [openssh-server, rsync, sudo, dbus]
    memory: 512MiB
    network: user
)";

ProcessSpec docker_machine(const NestboxProgram& cloud) {
  std::ofstream(cloud.working_directory / "nestbox.yml") << k_cloud;
  return cloud.spec({"docker-machine"});
}

TEST(Ec2Install, DrivesInstances) {
  const NestboxProgram cloud;
  {
    test::AwsServer aws(docker_machine(cloud));
    // Images of this EC2 are of no use to another.
    NestboxProgram nestbox(NestboxProgram::Cache::empty);
    for (const auto& [name, value] : aws.variables())
      nestbox.environment[name] = value;
    nestbox.environment["NESTBOX_EC2_CONFIG"] = nestbox.home() / "ec2.yml";
    std::ofstream(nestbox.home() / "ec2.yml")
        << "image: " << k_image << "\nssh_port: " << aws.ssh_port()
        << "\nallowed_from: 127.0.0.0/8\n";

    expect_remote_install(nestbox, "ec2");

    const nlohmann::json state = aws.state();
    EXPECT_THAT(state.at("keys"), IsEmpty());
    EXPECT_THAT(state.at("groups"), IsEmpty());
    // The environment is made in two steps, from the image named and from what came of that; its
    // machines are made from what came last.
    std::vector<std::string> images = {k_image};
    for (const nlohmann::json& image : state.at("images"))
      if (image.at("tags").contains("nestbox"))
        images.push_back(image.at("id"));
    ASSERT_EQ(images.size(), 3U);
    std::vector<std::string> booted;
    for (const nlohmann::json& instance : state.at("instances")) {
      EXPECT_THAT((std::vector<std::string>{"shutting-down", "terminated"}),
                  Contains(instance.at("state")));
      EXPECT_EQ(instance.at("tags").at("nestbox"), "1");
      EXPECT_EQ(instance.at("user_data_status"), 0);
      booted.push_back(instance.at("fields").at("ImageId"));
    }
    EXPECT_THAT(booted, testing::ElementsAre(images[0], images[1], images[2], images[2], images[2],
                                             images[2], images[2]));
    EXPECT_TRUE(nestbox.processes_gone());
  }
  EXPECT_TRUE(cloud.processes_gone());
}

}  // namespace
}  // namespace nestbox
