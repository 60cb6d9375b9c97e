// The program docker, as a test has it: each through a scope of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "harness/base/owner.hpp"
#include "tests/functional/docker_engine.hpp"
#include "tests/support/machine_shell.hpp"
#include "vmdrivers/docker/requests.hpp"
#include "vmdrivers/docker/scoped_socket.hpp"

namespace nestbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// What a test is given.
class Client {
public:
  explicit Client(docker::Engine& engine, const MachineSpec& spec = {})
      : m_socket(std::make_unique<docker::ScopedSocket>(engine, docker::new_scope(spec),
                                                        m_directory.path() / "docker.sock")) {}

  Captured run(std::vector<std::string> argv, const fs::path& directory = {}) {
    argv.insert(argv.begin(), "/usr/bin/docker");
    std::map<std::string, std::string> environment = {
        {"PATH", "/usr/local/bin:/usr/bin:/bin"},
        {"HOME", m_directory.path().string()},
        {"DOCKER_BUILDKIT", "0"},
        {"DOCKER_HOST", "unix://" + (m_directory.path() / "docker.sock").string()}};
    return run_captured({.argv = std::move(argv),
                         .working_directory = directory,
                         .environment = std::move(environment)},
                        soon());
  }

  /// Its output; the test fails when the command does.
  std::string docker(std::vector<std::string> argv, const fs::path& directory = {}) {
    const Captured captured = run(std::move(argv), directory);
    EXPECT_TRUE(captured.status.success()) << captured.diagnostics;
    return captured.output;
  }

  void end() { m_socket.reset(); }

private:
  TemporaryDirectory m_directory;
  std::unique_ptr<docker::ScopedSocket> m_socket;
};

class DockerScope : public testing::Test {
protected:
  std::unique_ptr<Machine> boot(const std::string& name) {
    MachineSpec spec = busybox_container();
    spec.name = name;
    spec.docker = true;
    return driver->boot(spec, {}, soon(), {});
  }

  /// Its name, once the engine has it.
  std::string busybox_image() {
    boot("warm-up");
    return engine.call({.path = "/images/json"}, soon())[0]["RepoTags"][0];
  }

  /// What the engine has beyond its images.
  std::string everything() {
    const json networks = engine.call({.path = "/networks"}, soon());
    std::string text = engine.call({.path = "/containers/json?all=1"}, soon()).dump()
                       + engine.call({.path = "/volumes"}, soon())["Volumes"].dump();
    std::set<std::string> names;
    for (const json& network : networks)
      names.insert(network["Name"]);
    return text + json(names).dump();
  }

  std::unique_ptr<Driver> driver = make_docker_driver();
  docker::Engine engine{docker_daemon().socket()};
  const std::string image = busybox_image();
  const std::string before = everything();
};

TEST_F(DockerScope, KeepsTestsOfTheSameNamesApart) {
  Client one(engine);
  Client two(engine);
  for (Client* client : {&one, &two}) {
    client->docker({"network", "create", "net"});
    client->docker({"volume", "create", "data"});
    client->docker({"run", "-d", "--name", "web", "--network", "net", "-v", "data:/data", image,
                    "sleep", "1000"});
  }
  one.docker({"exec", "web", "sh", "-c", "echo one > /data/mine"});
  EXPECT_EQ(two.docker({"exec", "web", "sh", "-c", "cat /data/mine 2>/dev/null || echo none"}),
            "none\n");
  for (Client* client : {&one, &two}) {
    EXPECT_EQ(client->docker({"ps", "--format", "{{.Names}} {{.Networks}}"}), "web net\n");
    EXPECT_EQ(client->docker({"volume", "ls", "-q"}), "data\n");
    EXPECT_THAT(client->docker({"network", "ls", "--format", "{{.Name}}"}), HasSubstr("net\n"));
  }
  one.docker({"rm", "-f", "web"});
  EXPECT_EQ(one.docker({"ps", "-aq"}), "");
  EXPECT_EQ(two.docker({"ps", "--format", "{{.Names}}"}), "web\n");
  one.end();
  two.end();
  EXPECT_EQ(everything(), before);
}

TEST_F(DockerScope, RunsWhatATestRuns) {
  Client client(engine);
  EXPECT_EQ(client.docker({"run", "--rm", image, "echo", "hello"}), "hello\n");
  EXPECT_EQ(client.run({"run", "--rm", image, "sh", "-c", "exit 7"}).status.code, 7);
  client.docker({"create", "--name", "box", image, "sleep", "1000"});
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "carried\n";
  client.docker({"cp", (directory.path() / "file").string(), "box:/file"});
  client.docker({"start", "box"});
  EXPECT_EQ(client.docker({"exec", "box", "cat", "/file"}), "carried\n");
  EXPECT_EQ(client.docker({"inspect", "--format", "{{.Name}}", "box"}), "/box\n");
  client.docker({"stop", "-t", "0", "box"});
  EXPECT_THAT(client.docker({"ps", "-a", "--format", "{{.Names}} {{.Status}}"}),
              HasSubstr("box Exited"));
  client.end();
  EXPECT_EQ(everything(), before);
}

TEST_F(DockerScope, BuildsImagesThatAreTheTestsOwn) {
  Client one(engine);
  Client two(engine);
  const TemporaryDirectory directory;
  for (Client* client : {&one, &two}) {
    const std::string name = client == &one ? "one" : "two";
    std::ofstream(directory.path() / "Dockerfile")
        << "FROM " << image << "\nRUN echo " << name << " > /name\n";
    client->docker({"build", "-q", "-t", "app", "."}, directory.path());
  }
  std::ofstream(directory.path() / "Dockerfile") << "FROM app\nRUN cat /name > /again\n";
  one.docker({"build", "-q", "-t", "more", "."}, directory.path());
  EXPECT_EQ(one.docker({"run", "--rm", "more", "cat", "/again"}), "one\n");
  EXPECT_EQ(one.docker({"run", "--rm", "app", "cat", "/name"}), "one\n");
  EXPECT_EQ(two.docker({"run", "--rm", "app", "cat", "/name"}), "two\n");
  EXPECT_THAT(one.docker({"images", "--format", "{{.Repository}}"}), HasSubstr("app\n"));
  EXPECT_THAT(one.docker({"build", "-t", "more", "."}, directory.path()),
              HasSubstr("Successfully tagged more:latest\n"));
  one.end();
  two.end();
  EXPECT_EQ(everything(), before);
  EXPECT_THAT(engine.call({.path = "/images/json?all=1"}, soon()).dump(), Not(HasSubstr("/app")));
}

TEST_F(DockerScope, LetsContainersOfOneTestMeetByTheirNames) {
  Client client(engine);
  client.docker({"network", "create", "net"});
  client.docker({"run", "-d", "--name", "web", "--network", "net", image, "sleep", "1000"});
  client.docker({"run", "-d", "--name", "plain", image, "sleep", "1000"});
  const auto pings = [&](const char* network, const char* name) {
    return client.run({"run", "--rm", "--network", network, image, "ping", "-c", "1", name})
        .status.success();
  };
  EXPECT_TRUE(pings("net", "web"));
  EXPECT_TRUE(pings("bridge", "plain"));
  client.docker({"network", "connect", "net", "plain"});
  EXPECT_TRUE(pings("net", "plain"));
}

TEST_F(DockerScope, LeadsNowhereUnlessTheMachineHasANetwork) {
  const auto is_internal = [](Client& client, const char* network) {
    return client.docker({"network", "inspect", "--format", "{{.Internal}}", network});
  };
  MachineSpec outside;
  outside.network = NetworkAccess::user;
  for (const bool leads : {false, true}) {
    Client client(engine, leads ? outside : MachineSpec());
    client.docker({"network", "create", "net"});
    client.docker({"run", "--rm", image, "true"});
    EXPECT_EQ(is_internal(client, "net"), leads ? "false\n" : "true\n");
    EXPECT_EQ(is_internal(client, "bridge"), leads ? "false\n" : "true\n");
  }
}

TEST_F(DockerScope, TellsOfATestsOwnThingsAlone) {
  Client one(engine);
  Client two(engine);
  for (Client* client : {&one, &two})
    client->docker({"run", "--name", client == &one ? "job" : "task", image, "true"});
  // The client counts whole seconds: up to the end of this one.
  const std::string told = one.docker({"events", "--since", "1h", "--until", "-1s", "--format",
                                       "{{.Action}} {{.Actor.Attributes.name}}"});
  EXPECT_THAT(told, HasSubstr("die job\n"));
  EXPECT_THAT(told, Not(HasSubstr("task")));
  EXPECT_EQ(one.docker({"ps", "-a", "--filter", "name=^job$", "--format", "{{.Names}}"}), "job\n");
}

TEST_F(DockerScope, RemovesUnnamedVolumesToo) {
  Client client(engine);
  for (const char* name : {"pruned", "removed", "left"})
    client.docker({"run", "--name", name, "-v", "/data", image, "touch", "/data/file"});
  client.docker({"rm", "removed"});
  client.docker({"stop", "-t", "0", "left"});
  client.docker({"start", "left"});
  EXPECT_THAT(client.docker({"container", "prune", "-f"}), HasSubstr("Deleted Containers:"));
  client.docker({"system", "prune", "-f"});
  client.end();
  EXPECT_EQ(everything(), before);
}

TEST_F(DockerScope, RefusesWhatReachesBeyondATest) {
  Client client(engine);
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"run", "--rm", "--privileged", image, "true"},
        {"run", "--rm", "-v", "/:/host", image, "true"},
        {"run", "--rm", "--network", "host", image, "true"},
        {"run", "--rm", "--pid", "host", image, "true"},
        {"run", "--rm", "--security-opt", "systempaths=unconfined", image, "true"}}) {
    const Captured captured = client.run(asked);
    EXPECT_FALSE(captured.status.success());
    EXPECT_THAT(captured.diagnostics, HasSubstr("reaches beyond the container"));
  }
  EXPECT_EQ(client.docker({"ps", "-aq"}), "");
}

TEST_F(DockerScope, SeesNothingOfOthers) {
  const auto machine = boot("other");
  const std::string id = engine.call({.path = "/containers/json"}, soon())[0]["Id"];
  Client client(engine);
  EXPECT_EQ(client.docker({"ps", "-aq"}), "");
  for (const char* command : {"inspect", "kill", "logs", "rm"})
    EXPECT_FALSE(client.run({command, id}).status.success()) << command;
  EXPECT_EQ(machine->condition(), Condition::running);
}

TEST_F(DockerScope, IsThereInAContainerThatNeedsIt) {
  const auto machine = boot("one");
  EXPECT_EQ(shell(*machine, "echo $DOCKER_HOST; test -S ${DOCKER_HOST#unix://} && echo there"),
            "unix:///run/nestbox/docker.sock\nthere\n");
  MachineSpec spec = busybox_container();
  spec.name = "plain";
  EXPECT_EQ(shell(*driver->boot(spec, {}, soon(), {}), "echo \"$DOCKER_HOST\""), "\n");
}

TEST_F(DockerScope, SharesANetworkWithTheMachineThatNeedsIt) {
  MachineSpec spec = busybox_container();
  spec.name = "one";
  spec.docker = true;
  spec.network = NetworkAccess::user;
  const auto machine = driver->boot(spec, {}, soon(), {});
  const json own = engine.call({.path = "/containers/json"}, soon())[0];
  const json networks = own["NetworkSettings"]["Networks"];
  ASSERT_EQ(networks.size(), 1U);
  EXPECT_THAT(networks.begin().key(), testing::EndsWith("-default"));
}

TEST_F(DockerScope, IsReapedOnceNobodyOwnsIt) {
  docker::Scope dead = docker::new_scope({});
  Owner owner = this_owner();
  owner.start_time += 1;
  dead.owner = to_string(owner);
  const docker::Labels labels = dead.labels();
  engine.call({.method = "POST",
               .path = "/networks/create",
               .body = json({{"Name", dead.default_network()}, {"Labels", labels}})},
              soon());
  engine.call({.method = "POST",
               .path = "/containers/create?name=" + dead.prefix() + "web",
               .body = json({{"Image", image},
                             {"Cmd", {"sleep", "1000"}},
                             {"Labels", labels},
                             {"HostConfig", {{"NetworkMode", dead.default_network()}}}})},
              soon());
  engine.call({.method = "POST", .path = "/containers/" + dead.prefix() + "web/start"}, soon());
  engine.call(
      {.method = "POST",
       .path = "/commit?container=" + dead.prefix() + "web&repo=" + dead.image_prefix() + "app",
       .body = json::object()},
      soon());
  std::vector<std::string> found;
  for (const Leftover& leftover : driver->reap(false, soon(), {})) {
    EXPECT_EQ(leftover.failed, "");
    found.push_back(leftover.what.substr(0, leftover.what.find(' ')));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"container", "network", "image"}));
  EXPECT_EQ(everything(), before);
}

}  // namespace
}  // namespace nestbox
