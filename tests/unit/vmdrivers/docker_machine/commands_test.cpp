#include "vmdrivers/docker_machine/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox::docker_machine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DockerMachineSettings, AreReadWhole) {
  const Settings expected = {.program = {"/opt/docker-machine"},
                             .driver = "amazonec2",
                             .options = {{"amazonec2-region", "eu-west-1"},
                                         {"amazonec2-use-ebs-optimized-instance", std::nullopt},
                                         {"amazonec2-root-size", "32"},
                                         {"amazonec2-open-port", "80"},
                                         {"amazonec2-open-port", "443"}},
                             .sudo = false,
                             .directory = "/var/tmp/nestbox"};
  EXPECT_EQ(parse_settings("program: /opt/docker-machine\n"
                           "driver: amazonec2\n"
                           "options:\n"
                           "  amazonec2-region: eu-west-1\n"
                           "  amazonec2-use-ebs-optimized-instance: true\n"
                           "  amazonec2-monitoring: false\n"
                           "  amazonec2-root-size: 32\n"
                           "  amazonec2-open-port: [80, 443]\n"
                           "sudo: false\n"
                           "directory: /var/tmp/nestbox\n",
                           "x.yml"),
            expected);
}

std::string mistake(const std::string& text) {
  try {
    parse_settings(text, "x.yml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::definition);
    EXPECT_TRUE(error.where);
    return error.render();
  }
  return "none";
}

TEST(DockerMachineSettings, PointAtMistakes) {
  EXPECT_THAT(mistake("sudo: true\n"), HasSubstr("'driver' is missing"));
  EXPECT_THAT(mistake("driver: x\noption: {}\n"), HasSubstr("'option'"));
  EXPECT_THAT(mistake("driver: x\nprogram: []\n"), HasSubstr("'program' has no words"));
  EXPECT_THAT(mistake("driver: x\noptions: {--x: 1}\n"), HasSubstr("no option of docker-machine"));
  EXPECT_THAT(mistake("driver: x\noptions: {a: {b: c}}\n"), HasSubstr("'a' must be"));
}

TEST(DockerMachineSettings, KeepSecretsOffCommandLines) {
  const std::string text = mistake("driver: x\noptions: {amazonec2-secret-key: hush}\n");
  EXPECT_THAT(text, HasSubstr("'amazonec2-secret-key' does not belong on a command line"));
  EXPECT_THAT(text, HasSubstr("AWS_SECRET_ACCESS_KEY"));
}

TEST(DockerMachineCommands, AreThoseOfItsDocumentation) {
  const Settings settings = {
      .driver = "amazonec2",
      .options = {{"amazonec2-region", "eu-west-1"}, {"amazonec2-monitoring", std::nullopt}}};
  EXPECT_THAT(create_command(settings, "m"),
              ElementsAre("docker-machine", "create", "--driver", "amazonec2", "--amazonec2-region",
                          "eu-west-1", "--amazonec2-monitoring", "m"));
  EXPECT_THAT(inspect_command(settings, "m"), ElementsAre("docker-machine", "inspect", "m"));
  EXPECT_THAT(version_command(settings), ElementsAre("docker-machine", "--version"));
  EXPECT_THAT(remove_command(settings, "m"), ElementsAre("docker-machine", "rm", "-f", "-y", "m"));
}

TEST(DockerMachineCommands, MayBeThoseOfAnotherProgram) {
  const Settings settings =
      parse_settings("driver: x\nprogram: [nestbox, docker-machine]\n", "x.yml");
  EXPECT_THAT(inspect_command(settings, "m"),
              ElementsAre("nestbox", "docker-machine", "inspect", "m"));
}

TEST(DockerMachineInspect, TellsHowAMachineIsEntered) {
  const SshEndpoint expected = {.address = "192.0.2.7",
                                .port = 2222,
                                .user = "ubuntu",
                                .identity = "/home/a/.docker/machine/machines/m/id_rsa",
                                .host_key = {.accept_any = true}};
  EXPECT_EQ(value_or_throw(
                parse_inspect(
                    R"({"Driver": {"IPAddress": "192.0.2.7", "SSHPort": 2222, "SSHUser": "ubuntu",
                    "SSHKeyPath": "/home/a/.docker/machine/machines/m/id_rsa"}, "Name": "m"})"))
                .endpoint,
            expected);
  EXPECT_EQ(value_or_throw(parse_inspect(
                               R"({"Driver": {"IPAddress": "192.0.2.7", "SSHKeyPath": "",
                    "StorePath": "/home/a/.docker/machine"}, "Name": "m"})"))
                .endpoint,
            (SshEndpoint{.address = "192.0.2.7",
                         .user = "root",
                         .identity = "/home/a/.docker/machine/machines/m/id_rsa",
                         .host_key = {.accept_any = true}}));
}

TEST(DockerMachineInspect, TellsHowOtherMachinesReachIt) {
  const auto addresses = [](const char* text) {
    return value_or_throw(parse_inspect(text)).addresses;
  };
  EXPECT_THAT(addresses(R"({"Driver": {"IPAddress": "192.0.2.7"}, "Name": "m"})"),
              ElementsAre("192.0.2.7"));
  EXPECT_THAT(addresses(R"({"Driver": {"IPAddress": "192.0.2.7", "PrivateIPAddress": "172.31.5.9"},
                            "Name": "m"})"),
              ElementsAre("172.31.5.9", "192.0.2.7"));
}

TEST(DockerMachineInspect, RefusesWhatIsNoMachine) {
  for (const char* text :
       {"", "[]", "null", "{}", R"({"Driver": 1})", R"({"Driver": {}})",
        R"({"Driver": {"IPAddress": 7}})", R"({"Driver": {"IPAddress": "h", "SSHPort": 65536}})",
        R"({"Driver": {"IPAddress": "h", "SSHPort": -1}})"}) {
    const Result<Description> parsed = parse_inspect(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace nestbox::docker_machine
