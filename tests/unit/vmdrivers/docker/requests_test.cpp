#include "vmdrivers/docker/requests.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

EngineFacts able() {
  EngineFacts facts;
  facts.memory_limit = facts.swap_limit = facts.cpu_limit = facts.pids_limit = true;
  return facts;
}

MachineSpec machine() {
  MachineSpec spec;
  spec.name = "db one";
  spec.memory = mebibytes(512);
  spec.cores = 2;
  return spec;
}

TEST(DockerRequests, AskForAContainerThatEndsWithItsConnection) {
  EXPECT_EQ(container_request(machine(), "sha256:0a", able(), {{"nestbox", "1"}}), json::parse(R"({
    "AttachStderr": true,
    "AttachStdin": true,
    "AttachStdout": true,
    "Cmd": [],
    "Entrypoint": ["/run/nestbox/agent", "--stdio", "--container", "--calls", "/run/nestbox/host.sock"],
    "Healthcheck": {"Test": ["NONE"]},
    "HostConfig": {
      "AutoRemove": true,
      "CgroupnsMode": "private",
      "IpcMode": "private",
      "LogConfig": {"Type": "none"},
      "Memory": 536870912,
      "MemorySwap": 536870912,
      "NanoCpus": 2000000000,
      "NetworkMode": "none",
      "PidsLimit": 16384,
      "Privileged": false
    },
    "Hostname": "db-one",
    "Image": "sha256:0a",
    "Labels": {"nestbox": "1"},
    "OpenStdin": true,
    "StdinOnce": true,
    "User": "0:0",
    "WorkingDir": "/"
  })"));
}

TEST(DockerRequests, GiveANetworkAndPrivilegesOnlyWhenAsked) {
  MachineSpec spec = machine();
  spec.network = NetworkAccess::user;
  spec.privileged = true;
  const json host = container_request(spec, "x", able(), {})["HostConfig"];
  EXPECT_EQ(host["NetworkMode"], "bridge");
  EXPECT_EQ(host["Privileged"], true);
}

TEST(DockerRequests, BringAnEngineIntoTheContainer) {
  MachineSpec spec = machine();
  const json shut = container_request(spec, "x", able(), {}, {.socket = "/tmp/a/docker.sock"});
  EXPECT_EQ(shut["Env"],
            json::array({"DOCKER_HOST=unix:///run/nestbox/docker.sock", "DOCKER_BUILDKIT=0"}));
  EXPECT_EQ(shut["HostConfig"]["Mounts"], json::parse(R"([
    {"Type": "bind", "Source": "/tmp/a/docker.sock", "Target": "/run/nestbox/docker.sock"}])"));
  EXPECT_EQ(shut["HostConfig"]["NetworkMode"], "none");
  spec.network = NetworkAccess::user;
  const json open = container_request(spec, "x", able(), {}, {.network = "nestbox-5f-default"});
  EXPECT_EQ(open["HostConfig"]["NetworkMode"], "nestbox-5f-default");
  EXPECT_EQ(open["NetworkingConfig"],
            json::parse(R"({"EndpointsConfig": {"nestbox-5f-default": {"Aliases": ["db-one"]}}})"));
}

TEST(DockerRequests, AskForNoLimitThatTheEngineCannotEnforce) {
  const json host = container_request(machine(), "x", {}, {})["HostConfig"];
  for (const char* limit : {"Memory", "MemorySwap", "NanoCpus", "PidsLimit"})
    EXPECT_FALSE(host.contains(limit)) << limit;
}

TEST(DockerRequests, GiveAHostnameByAProcessThatMay) {
  EXPECT_EQ(hostname_request("db"), json::parse(R"({
    "AttachStderr": true, "AttachStdout": true, "Cmd": ["/run/nestbox/agent", "--hostname", "db"],
    "Privileged": true, "User": "0:0"})"));
}

TEST(DockerRequests, NameContainersApart) {
  const std::string name = container_name("tests/db one");
  EXPECT_TRUE(name.starts_with("nestbox-tests-db-one-")) << name;
  EXPECT_NE(name, container_name("tests/db one"));
}

TEST(DockerRequests, FilterByLabels) {
  EXPECT_EQ(label_filter({"nestbox=1", "a=b"}), R"({"label":["nestbox=1","a=b"]})");
}

TEST(EngineFacts, AreReadFromInfo) {
  EXPECT_EQ(
      engine_facts(json::parse(R"({"ID": "AB:CD", "ServerVersion": "24.0", "MemoryLimit": true,
              "SwapLimit": false, "CpuCfsQuota": true, "PidsLimit": true})")),
      (EngineFacts{"AB:CD", "24.0", true, false, true, true}));
  EXPECT_EQ(engine_facts(json::parse(R"({"ID": "", "DockerRootDir": "/var/lib/containers"})")).id,
            "/var/lib/containers");
  EXPECT_THROW(engine_facts(json::parse(R"({"ID": 5})")), Error);
  EXPECT_THROW(engine_facts(json()), Error);
}

TEST(EngineFacts, SayWhichLimitsAreMissing) {
  EXPECT_EQ(missing_limits(able()), std::vector<std::string>{});
  EXPECT_EQ(missing_limits({}), (std::vector<std::string>{"memory", "cores", "processes"}));
}

TEST(EngineReplies, NameWhatWasMade) {
  EXPECT_EQ(id_of(json::parse(R"({"Id": "0af3"})")), "0af3");
  EXPECT_EQ(id_of(json::parse(R"({"ID": "sha256:0af3"})"), "ID"), "sha256:0af3");
  for (const char* bad : {R"({})", R"({"Id": ""})", R"({"Id": "../x"})", R"({"Id": "sha256:"})",
                          R"({"Id": 5})", "[]", R"({"Id": "a?b"})"})
    EXPECT_THROW(id_of(json::parse(bad)), Error) << bad;
}

TEST(EngineReplies, CountWhatMemoryIsUsed) {
  EXPECT_EQ(used_memory(json::parse(R"({"memory_stats": {"usage": 100, "stats":
              {"total_inactive_file": 30, "inactive_file": 5}}})")),
            (Bytes{70}));
  EXPECT_EQ(used_memory(json::parse(R"({"memory_stats": {"usage": 100, "stats":
              {"inactive_file": 5}}})")),
            (Bytes{95}));
  EXPECT_EQ(used_memory(json::parse(R"({"memory_stats": {}})")), Bytes{});
  EXPECT_EQ(used_memory(json()), Bytes{});
}

TEST(Engine, EscapesWhatItIsAskedFor) {
  EXPECT_EQ(query({}), "");
  EXPECT_EQ(query({{"name", "a b"}, {"filters", R"({"x":1})"}}),
            "?name=a%20b&filters=%7B%22x%22%3A1%7D");
  EXPECT_EQ(path_part("a/../b"), "a%2F..%2Fb");
}

TEST(Engine, AgreesOnTheNewestVersionThatBothKnow) {
  EXPECT_EQ(common_version(json::parse(R"({"ApiVersion": "1.41", "MinAPIVersion": "1.12"})")),
            "1.41");
  EXPECT_EQ(common_version(json::parse(R"({"ApiVersion": "1.99", "MinAPIVersion": "1.44"})")),
            "1.45");
  EXPECT_EQ(common_version(json::parse(R"({"ApiVersion": "1.40"})")), "1.40");
  for (const char* bad : {R"({"ApiVersion": "1.39"})", R"({"ApiVersion": "2.0"})", "{}", "[]",
                          R"({"ApiVersion": "1.99", "MinAPIVersion": "1.50"})"}) {
    const auto refused = common_version(json::parse(bad));
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  }
}

TEST(Engine, SaysItsRefusalsInItsOwnWords) {
  const Error refused = engine_error(409, R"({"message": "name is \u001b taken"})");
  EXPECT_EQ(refused.code, ErrorCode::infrastructure);
  EXPECT_EQ(refused.message, "the container engine refused: name is \\x1b taken");
  EXPECT_EQ(engine_error(404, "no json").code, ErrorCode::not_found);
  EXPECT_EQ(engine_error(500, "no json").message, "the container engine refused: status 500");
}

}  // namespace
}  // namespace nestbox::docker
