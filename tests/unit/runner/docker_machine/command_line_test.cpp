#include "runner/docker_machine/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DockerMachineCommandLine, CreatesWhateverTheDriverAndItsOptions) {
  const DockerMachineCall expected = {.command = "create",
                                      .names = {"db"},
                                      .driver = "amazonec2",
                                      .engine = {.flags = {"log-driver=none"},
                                                 .labels = {"a=b", "c=d"},
                                                 .insecure_registries = {"registry:5000"},
                                                 .registry_mirrors = {"http://mirror"},
                                                 .environment = {"NAME=a b"},
                                                 .storage_driver = "overlay2",
                                                 .hosts = {"db.example.com", "192.0.2.7"}}};
  EXPECT_EQ(parse_docker_machine({"create",
                                  "-d",
                                  "amazonec2",
                                  "--amazonec2-region",
                                  "eu-west-1",
                                  "--amazonec2-use-private-address",
                                  "--engine-label=a=b",
                                  "--engine-label",
                                  "c=d",
                                  "--engine-opt",
                                  "log-driver=none",
                                  "--engine-insecure-registry",
                                  "registry:5000",
                                  "--engine-registry-mirror",
                                  "http://mirror",
                                  "--engine-env",
                                  "NAME=a b",
                                  "--engine-storage-driver",
                                  "overlay2",
                                  "--tls-san",
                                  "db.example.com",
                                  "--tls-san=192.0.2.7",
                                  "db"}),
            expected);
  EXPECT_EQ(parse_docker_machine({"create", "--driver=kvm", "db"}).driver, "kvm");
}

TEST(DockerMachineCommandLine, KeepsNothingOfADriversOwnOptions) {
  const DockerMachineCall plain = {.command = "create", .names = {"db"}, .driver = "amazonec2"};
  EXPECT_EQ(parse_docker_machine({"create", "-d", "amazonec2", "--amazonec2-secret-key", "hush",
                                  "--amazonec2-session-token=hush", "db"}),
            plain);
}

TEST(DockerMachineCommandLine, TakesMemoryAndCoresFromAnyDriversOptions) {
  const DockerMachineCall call =
      parse_docker_machine({"create", "-d", "virtualbox", "--virtualbox-memory", "2048",
                            "--virtualbox-cpu-count=2", "--virtualbox-no-share", "db"});
  EXPECT_EQ(call.memory, gibibytes(2));
  EXPECT_EQ(call.cores, 2);
  EXPECT_EQ(parse_docker_machine({"create", "--nestbox-environment", "big", "db"}).environment,
            "big");
}

TEST(DockerMachineCommandLine, LeavesTheRemoteCommandAsItIs) {
  const DockerMachineCall call =
      parse_docker_machine({"-D", "ssh", "db", "ls", "-l", "--", "a b", "&&", "echo"});
  EXPECT_THAT(call.names, ElementsAre("db"));
  EXPECT_THAT(call.words, ElementsAre("ls", "-l", "--", "a b", "&&", "echo"));
}

TEST(DockerMachineCommandLine, TakesWhereMachinesAreKept) {
  EXPECT_EQ(parse_docker_machine({"-s", "/tmp/store", "ls"}).storage_path, "/tmp/store");
  EXPECT_EQ(parse_docker_machine({"--storage-path=/tmp/store", "ls"}).storage_path, "/tmp/store");
}

TEST(DockerMachineCommandLine, MeansTheDefaultMachineWhenNoneIsNamed) {
  for (const char* command :
       {"ssh", "ip", "status", "inspect", "env", "config", "url", "stop", "provision"})
    EXPECT_THAT(parse_docker_machine({command}).names, ElementsAre("default")) << command;
  EXPECT_THAT(parse_docker_machine({"ip", "a", "b"}).names, ElementsAre("a", "b"));
  for (const char* command : {"ls", "active", "version"})
    EXPECT_THAT(parse_docker_machine({command}).names, testing::IsEmpty()) << command;
}

TEST(DockerMachineCommandLine, KnowsTheOptionsOfEachCommand) {
  const DockerMachineCall listed = parse_docker_machine(
      {"ls", "-q", "--filter", "name=a", "--filter=state=Running", "-f", "{{.Name}}"});
  EXPECT_TRUE(listed.quiet);
  EXPECT_THAT(listed.filters, ElementsAre("name=a", "state=Running"));
  EXPECT_EQ(listed.format, "{{.Name}}");
  const DockerMachineCall removed = parse_docker_machine({"rm", "-f", "-y", "a", "b"});
  EXPECT_TRUE(removed.force);
  EXPECT_THAT(removed.names, ElementsAre("a", "b"));
  EXPECT_EQ(parse_docker_machine({"inspect", "--format={{.Name}}", "a"}).format, "{{.Name}}");
  const DockerMachineCall copied = parse_docker_machine({"scp", "-r", "-d", "dir", "a:/tmp"});
  EXPECT_EQ(copied.copy, (CopyOptions{.recursive = true, .delta = true}));
  EXPECT_THAT(copied.words, ElementsAre("dir", "a:/tmp"));
  EXPECT_EQ(parse_docker_machine({"env", "--shell", "fish", "a"}).shell, "fish");
  EXPECT_TRUE(parse_docker_machine({"env", "--no-proxy", "a"}).no_proxy);
  EXPECT_EQ(parse_docker_machine({"--version"}).command, "version");
  EXPECT_EQ(parse_docker_machine({}).command, "help");
}

std::string mistake(const std::vector<std::string>& words, ErrorCode code = ErrorCode::usage) {
  try {
    parse_docker_machine(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, code);
    return error.render();
  }
  return "none";
}

TEST(DockerMachineCommandLine, SaysWhatItCannotDo) {
  for (const char* command : {"mount", "restart", "upgrade"})
    EXPECT_THAT(mistake({command, "a"}, ErrorCode::unsupported), HasSubstr("hint: ")) << command;
  EXPECT_THAT(mistake({"create", "-d", "x", "--swarm-master", "a"}, ErrorCode::unsupported),
              HasSubstr("'--swarm-master'"));
  EXPECT_THAT(mistake({"env", "--swarm", "a"}), HasSubstr("has no option '--swarm'"));
}

TEST(DockerMachineCommandLine, SaysWhatItDoesNotUnderstand) {
  EXPECT_THAT(mistake({"crate", "a"}), HasSubstr("did you mean 'create'?"));
  EXPECT_THAT(mistake({"ls", "--all"}), HasSubstr("'docker-machine ls' has no option '--all'"));
  EXPECT_THAT(mistake({"create", "-d", "x", "--flag"}), HasSubstr("needs the new machine's name"));
  EXPECT_THAT(mistake({"create", "-d", "x", "a/b"}), HasSubstr("'a/b' cannot name a machine"));
  EXPECT_THAT(mistake({"rm", ".."}), HasSubstr("'..' cannot name a machine"));
  EXPECT_THAT(mistake({"rm"}), HasSubstr("needs the machine's name"));
  EXPECT_THAT(mistake({"scp", "a"}), HasSubstr("needs two paths"));
  EXPECT_THAT(mistake({"active", "a"}), HasSubstr("takes no name"));
  EXPECT_THAT(mistake({"create", "--tls-san", "a,DNS:b", "a"}), HasSubstr("neither a name nor"));
  EXPECT_THAT(mistake({"create", "--engine-env", "A=b\nc", "a"}), HasSubstr("must be one line"));
}

}  // namespace
}  // namespace nestbox
