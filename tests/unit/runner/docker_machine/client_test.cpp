#include "runner/docker_machine/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DockerMachineClient : public testing::Test {
protected:
  std::string file(const std::string& name) const {
    return (m_directory.path() / "machines/db" / name).string();
  }

  std::vector<std::string> options() const {
    return {"-F", "/dev/null",
            "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=60",
            "-o", "ControlMaster=no",
            "-o", "ControlPath=none",
            "-o", "IdentitiesOnly=yes",
            "-o", "LogLevel=ERROR",
            "-o", "ServerAliveInterval=60",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "UserKnownHostsFile=\"" + file("known_hosts") + "\"",
            "-i", file("id_rsa")};
  }

  std::vector<std::string> with(std::vector<std::string> first, std::vector<std::string> last) {
    std::vector<std::string> all = std::move(first);
    for (const std::string& word : options())
      all.push_back(word);
    all.insert(all.end(), last.begin(), last.end());
    return all;
  }

  TemporaryDirectory m_directory;
  MachineStore m_store{m_directory.path()};
  KeptMachine m_machine = {.name = "db", .driver = "kvm", .port = 2222};
};

TEST_F(DockerMachineClient, EntersTheMachineByItsKey) {
  EXPECT_EQ(ssh_argv(m_store, m_machine, {}), with({"ssh"}, {"-p", "2222", "docker@127.0.0.1"}));
  EXPECT_EQ(ssh_argv(m_store, m_machine, {"ls", "-l"}),
            with({"ssh"}, {"-p", "2222", "docker@127.0.0.1", "ls", "-l"}));
}

TEST_F(DockerMachineClient, CopiesBothWays) {
  EXPECT_EQ(scp_argv(m_store, m_machine, {"a:b/../db:x", "db:/tmp"}, true),
            with({"scp", "-q"}, {"-P", "2222", "-r", "--", "docker@127.0.0.1:b/../db:x",
                                 "docker@127.0.0.1:/tmp"}));
  EXPECT_EQ(machine_of_path("db:/tmp"), "db");
  EXPECT_EQ(machine_of_path("./db:x"), "");
  EXPECT_EQ(machine_of_path("file"), "");
}

TEST_F(DockerMachineClient, DescribesTheMachineAsDockerMachineDoes) {
  const std::string json = inspect_json(m_store, m_machine);
  EXPECT_EQ(format_inspected(json, "{{.Driver.IPAddress}}:{{ .Driver.SSHPort }}"),
            "127.0.0.1:2222");
  EXPECT_EQ(format_inspected(json, "{{.Driver.SSHKeyPath}}"), file("id_rsa"));
  EXPECT_EQ(format_inspected(json, "{{json .Name}} {{.DriverName}}"), "\"db\" kvm");
  EXPECT_EQ(format_inspected(json, "plain"), "plain");
  for (const char* wrong : {"{{.Nowhere}}", "{{.Driver.IPAddress.More}}", "{{range .}}", "{{.Name",
                            "{{}}", "{{lower .Name}}"})
    EXPECT_THROW(format_inspected(json, wrong), Error) << wrong;
}

TEST_F(DockerMachineClient, SaysHowDockerIsReached) {
  const std::string socket = "unix://" + file("docker.sock");
  EXPECT_EQ(docker_url(m_store, m_machine), socket);
  EXPECT_EQ(environment_lines(m_store, m_machine, "bash"),
            "unset DOCKER_TLS_VERIFY;\nunset DOCKER_CERT_PATH;\nexport DOCKER_HOST=" + socket
                + ";\nexport DOCKER_MACHINE_NAME=db;\n# Run this command to configure your shell:\n"
                  "# eval $(nestbox docker-machine env db)\n");
  EXPECT_THAT(environment_lines(m_store, m_machine, "fish"),
              HasSubstr("set -gx DOCKER_MACHINE_NAME db;\n"));
  EXPECT_THAT(unset_lines(""), HasSubstr("unset DOCKER_HOST;\n"));
  EXPECT_THAT(unset_lines("fish"), HasSubstr("set -e DOCKER_HOST;\n"));
}

TEST_F(DockerMachineClient, GivesEachMachineAnAddressOfItsOwn) {
  const auto add = [&](const std::string& name) {
    m_machine.name = name;
    return m_store.add(m_machine);
  };
  EXPECT_EQ(add("a").private_address, "10.90.0.1");
  const KeptMachine second = add("b");
  EXPECT_EQ(second.private_address, "10.90.0.2");
  EXPECT_THAT(interface_of(second).addresses, ElementsAre("10.90.0.2/25"));
  m_store.remove("a");
  EXPECT_EQ(add("c").private_address, "10.90.0.1");
  EXPECT_NE(interface_of(m_store.get("c")).mac, interface_of(second).mac);
  for (int number = 3; number <= 126; ++number)
    add(std::to_string(number));
  EXPECT_THROW(add("more"), Error);
  EXPECT_THAT(m_store.names(), testing::SizeIs(126));
}

TEST_F(DockerMachineClient, RemembersMachines) {
  EXPECT_THAT(m_store.names(), IsEmpty());
  m_machine.options = {"-d", "kvm"};
  m_machine.keeper = this_owner();
  m_machine = m_store.add(m_machine);
  EXPECT_EQ(m_store.get("db"), m_machine);
  EXPECT_TRUE(is_running(m_store.get("db")));
  EXPECT_THROW(m_store.add(m_machine), Error);
  m_machine.keeper->start_time -= 1;
  m_store.update(m_machine);
  EXPECT_FALSE(is_running(m_store.get("db")));
  EXPECT_THAT(m_store.names(), ElementsAre("db"));
  try {
    m_store.get("dbb");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.hint, "did you mean 'db'?");
  }
  write_file_atomically(m_store.directory("db") / "machine.json", "{}");
  EXPECT_THROW(m_store.get("db"), Error);
  m_store.remove("db");
  EXPECT_THAT(m_store.names(), IsEmpty());
}

}  // namespace
}  // namespace nestbox
