#include "runner/docker_machine/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/go_template.hpp"

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

  static std::vector<std::string> joined(std::vector<std::vector<std::string>> lists) {
    std::vector<std::string> all;
    for (const std::vector<std::string>& list : lists)
      all.insert(all.end(), list.begin(), list.end());
    return all;
  }

  static std::vector<std::string> common_options() {
    return {"-F", "/dev/null",
            "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=60",
            "-o", "ControlMaster=no",
            "-o", "ControlPath=none",
            "-o", "IdentitiesOnly=yes",
            "-o", "LogLevel=ERROR",
            "-o", "ServerAliveInterval=60",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "GlobalKnownHostsFile=/dev/null"};
  }

  std::vector<std::string> options() const {
    return joined(
        {common_options(),
         {"-o", "UserKnownHostsFile=\"" + file("known_hosts") + "\"", "-i", file("id_rsa")}});
  }

  TemporaryDirectory m_directory;
  MachineStore m_store{m_directory.path()};
  KeptMachine m_machine = {.name = "db",
                           .driver = "kvm",
                           .address = "127.90.3.4",
                           .port = 2222,
                           .docker_port = 2376,
                           .labels = {"a=b"},
                           .hosts = {"db.example.com"},
                           .docker_version = "20.10.24"};
};

TEST_F(DockerMachineClient, EntersTheMachineByItsKey) {
  EXPECT_EQ(ssh_argv(m_store, m_machine, {}),
            joined({{"ssh"}, options(), {"-p", "2222", "docker@127.90.3.4"}}));
  EXPECT_EQ(ssh_argv(m_store, m_machine, {"ls", "-l"}),
            joined({{"ssh"}, options(), {"-p", "2222", "docker@127.90.3.4", "ls", "-l"}}));
}

TEST_F(DockerMachineClient, KnowsWhatIsAPathOfAMachine) {
  EXPECT_EQ(parse_copy_path("db:/tmp"), (CopyPath{.path = "/tmp", .machine = "db"}));
  EXPECT_EQ(parse_copy_path("root@db:x:y"),
            (CopyPath{.path = "x:y", .user = "root", .machine = "db"}));
  EXPECT_EQ(parse_copy_path("./db:x"), CopyPath{.path = "./db:x"});
  EXPECT_EQ(parse_copy_path("file"), CopyPath{.path = "file"});
}

TEST_F(DockerMachineClient, CopiesBothWays) {
  EXPECT_EQ(copy_argv(m_store, {m_machine}, {.path = "a b"}, {.path = "/tmp/c d", .machine = "db"},
                      {.recursive = true}),
            joined({{"scp", "-3"},
                    options(),
                    {"-r", "--", "a b", "scp://docker@127.90.3.4:2222//tmp/c%20d"}}));
  EXPECT_EQ(copy_argv(m_store, {m_machine}, {.path = "x", .user = "root", .machine = "db"},
                      {.path = "."}, {.quiet = true}),
            joined({{"scp", "-3"}, options(), {"-q", "--", "scp://root@127.90.3.4:2222/x", "."}}));
}

TEST_F(DockerMachineClient, CopiesFromOneMachineToAnother) {
  const KeptMachine other = {.name = "web", .driver = "kvm", .address = "127.90.5.6", .port = 22};
  const std::string others = (m_directory.path() / "machines/web").string();
  EXPECT_EQ(
      copy_argv(m_store, {m_machine, other}, {.path = "/x", .machine = "db"},
                {.path = "", .machine = "web"}, {}),
      joined({{"scp", "-3"},
              common_options(),
              {"-o",
               "UserKnownHostsFile=\"" + file("known_hosts") + "\" \"" + others + "/known_hosts\"",
               "-i", file("id_rsa"), "-i", others + "/id_rsa", "--",
               "scp://docker@127.90.3.4:2222//x", "scp://docker@127.90.5.6:22/"}}));
}

TEST_F(DockerMachineClient, SendsDifferencesByRsync) {
  const CopyPath here = {.path = "tree/"};
  const CopyPath there = {.path = "/x", .machine = "db"};
  const std::string ssh = shell_quote(joined({{"ssh"}, options(), {"-p", "2222"}}));
  EXPECT_EQ(copy_argv(m_store, {m_machine}, here, there, {.recursive = true, .delta = true}),
            (std::vector<std::string>{"rsync", "-e", ssh, "--progress", "-r", "--", "tree/",
                                      "docker@127.90.3.4:/x"}));
  EXPECT_THROW(copy_argv(m_store, {m_machine}, there, there, {.delta = true}), Error);
}

TEST_F(DockerMachineClient, DescribesTheMachineAsDockerMachineDoes) {
  const std::string json = inspect_json(m_store, m_machine);
  EXPECT_EQ(expand_template(json, "{{.Driver.IPAddress}}:{{ .Driver.SSHPort }}"),
            "127.90.3.4:2222");
  EXPECT_EQ(expand_template(json, "{{.Driver.SSHKeyPath}}"), file("id_rsa"));
  EXPECT_EQ(expand_template(json, "{{json .Name}} {{.DriverName}}"), "\"db\" kvm");
  EXPECT_EQ(expand_template(json, "{{.HostOptions.AuthOptions.ClientCertPath}}"),
            (m_directory.path() / "certs/cert.pem").string());
  EXPECT_EQ(expand_template(json, "{{.HostOptions.EngineOptions.Labels}}"), R"(["a=b"])");
}

TEST_F(DockerMachineClient, SaysHowDockerIsReached) {
  EXPECT_EQ(docker_url(m_machine), "tcp://127.90.3.4:2376");
  EXPECT_EQ(
      environment_lines(m_store, m_machine, "bash"),
      "export DOCKER_TLS_VERIFY=1;\nexport DOCKER_HOST=tcp://127.90.3.4:2376;\n"
      "export DOCKER_CERT_PATH="
          + (m_directory.path() / "machines/db").string()
          + ";\nexport DOCKER_MACHINE_NAME=db;\n# Run this command to configure your shell: \n"
            "# eval $(nestbox docker-machine env db)\n");
  EXPECT_THAT(environment_lines(m_store, m_machine, "fish"),
              HasSubstr("set -gx DOCKER_MACHINE_NAME db;\n"));
  EXPECT_THAT(environment_lines(m_store, m_machine, "tcsh"),
              HasSubstr("setenv DOCKER_MACHINE_NAME db;\n"));
  EXPECT_THROW(environment_lines(m_store, m_machine, "powershell"), Error);
  EXPECT_THAT(unset_lines(""), HasSubstr("unset DOCKER_HOST;\n"));
  EXPECT_THAT(unset_lines("fish"), HasSubstr("set -e DOCKER_HOST;\n"));
  EXPECT_THAT(docker_options(m_store, m_machine), testing::EndsWith("\n-H=tcp://127.90.3.4:2376"));
  m_machine.docker_version = "";
  EXPECT_EQ(docker_url(m_machine), "");
}

TEST_F(DockerMachineClient, KeepsProxiesAwayFromTheMachine) {
  EXPECT_THAT(environment_lines(m_store, m_machine, "sh", NoProxy{"NO_PROXY", ""}),
              HasSubstr("export NO_PROXY=127.90.3.4;\n"));
  EXPECT_THAT(environment_lines(m_store, m_machine, "sh", NoProxy{"no_proxy", "a,127.90.3.4"}),
              HasSubstr("export no_proxy=a,127.90.3.4;\n"));
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
