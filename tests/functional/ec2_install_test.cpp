// Tests that drive machines over ssh, as examples/remote-install has it, which driver ec2 rents:
// from the tests' own EC2, whose instances are forked virtual machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/functional/ec2_cloud.hpp"
#include "tests/functional/remote_install.hpp"

namespace nestbox {
namespace {

using testing::Contains;
using testing::IsEmpty;

TEST(Ec2Install, DrivesInstances) {
  Ec2Cloud cloud;
  NestboxProgram nestbox(NestboxProgram::Cache::empty);
  cloud.set_up(nestbox);

  expect_remote_install(nestbox, "ec2");

  const nlohmann::json state = cloud.aws().state();
  EXPECT_THAT(state.at("keys"), IsEmpty());
  EXPECT_THAT(state.at("groups"), IsEmpty());
  // The environment is made in two steps, from the image named and from what came of that; its
  // machines are made from what came last.
  std::vector<std::string> images = {Ec2Cloud::k_image};
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

}  // namespace
}  // namespace nestbox
