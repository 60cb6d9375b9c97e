#include "tests/functional/ec2_cloud.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

constexpr const char* k_definition = R"(version: 1
environments:
  ami:
    from: debian-systemd
    packages: [openssh-server, rsync, sudo, dbus]
    memory: 512MiB
    network: user
)";

}  // namespace

Ec2Cloud::Ec2Cloud() {
  write_file_atomically(m_program.working_directory / "nestbox.yml", k_definition);
  m_aws.emplace(m_program.spec({"docker-machine"}));
}

Ec2Cloud::~Ec2Cloud() {
  m_aws.reset();
  EXPECT_TRUE(m_program.processes_gone());
}

std::string Ec2Cloud::settings() {
  return fmt::format("image: {}\nssh_port: {}\nallowed_from: 127.0.0.0/8\n", k_image,
                     aws().ssh_port());
}

void Ec2Cloud::set_up(NestboxProgram& nestbox) {
  set_up_ec2(nestbox, aws(), settings());
}

void set_up_ec2(NestboxProgram& nestbox, const test::AwsServer& aws, const std::string& settings) {
  for (const auto& [name, value] : aws.variables())
    if (name != "HOME")
      nestbox.environment[name] = value;
  const fs::path file = nestbox.home() / "ec2.yml";
  nestbox.environment["NESTBOX_EC2_CONFIG"] = file;
  write_file_atomically(file, settings);
}

}  // namespace nestbox
