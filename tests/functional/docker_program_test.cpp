// Tests in containers, through the program as a user runs it, by a Docker daemon of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"
#include "tests/functional/docker_engine.hpp"
#include "tests/support/machine_shell.hpp"
#include "tests/support/nestbox_program.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DockerProgram : public testing::Test {
protected:
  DockerProgram() { nestbox.environment["DOCKER_HOST"] = docker_daemon().host(); }

  /// What it said is in the returned output, both streams of it.
  Captured run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"run", "--driver", "docker"});
    Captured captured = nestbox.run(std::move(arguments));
    captured.output += captured.diagnostics;
    return captured;
  }

  /// Of a test in the newest run.
  std::string outcome_of(const std::string& test) const {
    std::string outcome = "not reported";
    for (const std::string& line : split(read_file(nestbox.newest_run() / "events.jsonl"), '\n'))
      if (const json event = json::parse(line, nullptr, false);
          event.is_object() && event["event"] == "test_finished" && event["test"] == test)
        outcome = event["outcome"];
    return outcome;
  }

  void define(const std::string& text) const {
    write_file_atomically(nestbox.working_directory / "nestbox.yml", "version: 1\n" + text);
  }

  /// A directory beside nestbox.yml to build an image from: busybox, and what `more` says.
  fs::path image_directory(const std::string& name, const std::string& more = {}) const {
    const fs::path directory = nestbox.working_directory / name;
    fs::create_directories(directory);
    fs::copy_file(*busybox_container().disk, directory / "rootfs.tar");
    std::ofstream(directory / "Dockerfile") << "FROM scratch\nADD rootfs.tar /\n" << more;
    return directory;
  }

  /// One with the program docker, of this host, in it.
  void docker_image_directory(const std::string& name) const {
    const fs::path directory =
        image_directory(name, "COPY docker /usr/bin/\nCOPY ld-linux-x86-64.so.2 /lib64/\n"
                              "COPY libc.so.6 /lib/x86_64-linux-gnu/\n");
    for (const char* file :
         {"/usr/bin/docker", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"})
      fs::copy_file(file, directory / fs::path(file).filename());
  }

  /// Has the engine build it, under this name.
  void make_image(const std::string& name, const std::string& more = {}) {
    const fs::path directory = image_directory("made-" + std::to_string(m_made++), more);
    const std::string id =
        make_docker_driver()->resolve_image("dockerfile:" + directory.string(), soon(), {});
    const std::size_t colon = name.find(':');
    engine.call({.method = "POST",
                 .path = "/images/" + id + "/tag?repo=" + name.substr(0, colon)
                         + "&tag=" + name.substr(colon + 1)},
                soon());
  }

  /// Of all that the engine has and nestbox has made, but for images.
  std::vector<json> everything() {
    const std::string filter =
        docker::query({{"all", "1"}, {"filters", docker::label_filter({"nestbox=1"})}});
    std::vector<json> all = engine.call({.path = "/containers/json" + filter}, soon());
    for (const json& network : engine.call({.path = "/networks" + filter}, soon()))
      all.push_back(network);
    const json volumes = engine.call({.path = "/volumes" + filter}, soon());
    for (const json& volume : volumes["Volumes"])
      all.push_back(volume);
    return all;
  }

  NestboxProgram nestbox;
  docker::Engine engine{docker_daemon().socket()};

private:
  int m_made = 0;
};

TEST_F(DockerProgram, RunsAScriptInATinyContainer) {
  nestbox.write_script("test.sh", "#!/bin/sh\nid -u; hostname; test -f test.sh\n"
                                  "echo kept > \"$TEST_OUTPUT_DIR/file\"\n");
  const Captured captured = run({"-v", "-e", "tiny", "./test.sh"});
  EXPECT_EQ(captured.status, ExitStatus{}) << captured.output;
  EXPECT_THAT(captured.output, HasSubstr("container engine"));
  EXPECT_EQ(outcome_of("test.sh"), "passed");
  EXPECT_EQ(read_file(nestbox.newest_run() / "tests/test.sh/artifacts/file"), "kept\n");
  EXPECT_THAT(everything(), IsEmpty());
}

TEST_F(DockerProgram, RunsAScriptInADebianContainer) {
  nestbox.write_script("test.sh",
                       "#!/bin/bash\n. /etc/os-release; echo \"on $ID\"; apt --version\n");
  const Captured captured = run({"-v", "./test.sh"});
  EXPECT_EQ(captured.status, ExitStatus{}) << captured.output;
  EXPECT_THAT(captured.output, HasSubstr("on debian"));
}

TEST_F(DockerProgram, MakesEnvironmentsOfImagesAndSteps) {
  make_image("team/app:1", "ENV GREETING=hello\nRUN echo app > /who\n");
  image_directory("image", "RUN echo own > /who\n");
  write_file_atomically(nestbox.working_directory / "data", "brought\n");
  std::ofstream saved(nestbox.working_directory / "saved.tar", std::ios::binary);
  engine.call({.path = "/images/team/app:1/get",
               .sink =
                   [&](std::string_view bytes) {
                     saved.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
                   }},
              soon());
  saved.close();
  define(R"(
environments:
  named: {image: "docker:team/app:1"}
  saved: {image: "docker-archive:saved.tar"}
  built:
    image: "dockerfile:image"
    steps:
      - copy: {from: data, to: /data}
      - run: cat /who /data > /both
tests:
  named: {environment: named, run: "test $GREETING = hello && test $(cat /who) = app"}
  saved: {environment: saved, run: "test $(cat /who) = app"}
  built: {environment: built, run: "test \"$(cat /both)\" = \"$(printf 'own\\nbrought')\""}
)");
  const Captured first = run({});
  EXPECT_EQ(first.status, ExitStatus{}) << first.output;
  for (const char* test : {"named", "saved", "built"})
    EXPECT_EQ(outcome_of(test), "passed") << test;
  const Captured second = run({"--explain"});
  EXPECT_EQ(second.status, ExitStatus{}) << second.output;
  EXPECT_THAT(second.output, Not(HasSubstr("running step")));
  EXPECT_THAT(everything(), IsEmpty());
}

TEST_F(DockerProgram, TellsHowTestsEnd) {
  nestbox.write_script("test_memory.sh", "#!/bin/sh\n# nestbox: memory=64MiB\ntail /dev/zero\n");
  nestbox.write_script("test_gone.sh",
                       "#!/bin/sh\necho last words > /proc/1/fd/2\nkill 1\nsleep 100\n");
  nestbox.write_script("test_slow.sh", "#!/bin/sh\n# nestbox: timeout=1s\nsleep 1000\n");
  nestbox.write_script("test_wrong.sh", "#!/bin/sh\nexit 1\n");
  const Captured captured = run({"-e", "tiny", "."});
  EXPECT_EQ(captured.status.code, 1) << captured.output;
  EXPECT_EQ(outcome_of("test_memory.sh"), "oom");
  EXPECT_EQ(outcome_of("test_gone.sh"), "lost");
  EXPECT_EQ(outcome_of("test_slow.sh"), "timeout");
  EXPECT_EQ(outcome_of("test_wrong.sh"), "failed");
  EXPECT_THAT(nestbox.run({"show", "latest", "test_gone.sh"}).output, HasSubstr("last words"));
  EXPECT_THAT(everything(), IsEmpty());
}

TEST_F(DockerProgram, GivesEachTestAnEngineThatSeemsItsOwn) {
  docker_image_directory("client");
  make_image("team/web:1");
  define(R"(
environments:
  client: {image: "dockerfile:client", network: user}
defaults: {environment: client}
tests:
  one: {run: ./drive, needs: {docker: true}, env: {WHO: one}}
  two: {run: ./drive, needs: {docker: true}, env: {WHO: two}}
)");
  nestbox.write_script("drive", R"sh(#!/bin/sh
set -ex
docker network create net
docker volume create data
docker run -d --name web --network net -p 8080:80 -v data:/data team/web:1 \
  sh -c "echo $WHO > /data/who; exec httpd -f -h /data"
docker run --rm --network net team/web:1 sh -c 'until wget -q -O - http://web/who; do :; done' > seen
test "$(cat seen)" = "$WHO"
docker network connect bridge web
test "$(wget -q -O - http://web/who)" = "$WHO"
test "$(docker ps --format '{{.Names}}')" = web
test "$(docker volume ls -q)" = data
printf 'FROM team/web:1\nRUN echo built\n' > Dockerfile
docker build -t app .
docker run --rm app true
if docker run --rm --privileged app true 2> refusal; then exit 1; fi
grep 'needs: {privileged: true}' refusal
)sh");
  const Captured captured = run({"-j", "2"});
  EXPECT_EQ(captured.status, ExitStatus{}) << captured.output;
  EXPECT_EQ(outcome_of("one"), "passed");
  EXPECT_EQ(outcome_of("two"), "passed");
  EXPECT_THAT(everything(), IsEmpty());
  for (const json& made : engine.call({.path = "/images/json?all=1"}, soon()))
    EXPECT_FALSE(made["Labels"].is_object() && made["Labels"].contains("nestbox.scope")) << made;
}

TEST_F(DockerProgram, LeavesNothingThatReapDoesNotEnd) {
  docker_image_directory("client");
  make_image("team/web:1");
  define(R"(
environments:
  client: {image: "dockerfile:client", network: user}
tests:
  made:
    environment: client
    needs: {docker: true}
    run: |
      set -e
      docker network create net
      docker run -d --name web --network net -v data:/data team/web:1 sleep 1000
      docker commit web app
      echo begun
      sleep 1000
)");
  RunningNestbox running(nestbox, {"run", "--driver", "docker", "-v"});
  ASSERT_TRUE(running.wait_for("begun")) << running.output();
  const std::vector<json> all = everything();
  EXPECT_EQ(all.size(), 5U) << "the machine, its container, two networks, a volume: " << json(all);
  running.process().kill();
  for (const json& container : all)
    if (container.contains("Labels") && container["Labels"].contains("nestbox.machine"))
      static_cast<void>(catch_error([&] {
        engine.call({.method = "POST",
                     .path = "/containers/" + container["Id"].get<std::string>()
                             + "/wait?condition=removed"},
                    soon());
      }));
  const Captured reaped = nestbox.run({"reap", "--driver", "docker"});
  EXPECT_EQ(reaped.status, ExitStatus{}) << reaped.diagnostics;
  for (const char* what : {"container", "network", "volume", "image"})
    EXPECT_THAT(reaped.output, HasSubstr(what));
  EXPECT_THAT(everything(), IsEmpty());
  EXPECT_THAT(nestbox.run({"reap", "--driver", "docker"}).output, Not(HasSubstr("ended")));
  EXPECT_EQ(fs::directory_iterator(nestbox.home() / "tmp"), fs::directory_iterator());
}

TEST_F(DockerProgram, MayBeKilledAtAnyInstant) {
  nestbox.write_script("test.sh", "#!/bin/sh\n# nestbox: docker=true\nsleep 1000\n");
  ASSERT_EQ(run({"-e", "tiny", "--", "true"}).status, ExitStatus{});
  for (const int milliseconds : {50, 150, 250, 350, 450, 600, 800, 1200}) {
    RunningNestbox running(nestbox, {"run", "--driver", "docker", "-e", "tiny", "./test.sh"});
    running.process().wait(Deadline::after(std::chrono::milliseconds(milliseconds)));
    running.process().kill();
  }
  // The engine may still be at what it was told last.
  const Deadline deadline = Deadline::after(std::chrono::minutes(1));
  do {
    EXPECT_EQ(nestbox.run({"reap", "--driver", "docker"}).status.code, 0);
  } while (!everything().empty() && !deadline.passed());
  EXPECT_THAT(everything(), IsEmpty());
  EXPECT_EQ(fs::directory_iterator(nestbox.home() / "tmp"), fs::directory_iterator());
}

TEST_F(DockerProgram, SaysWhichImageIsNotThere) {
  define("environments: {none: {image: \"docker:127.0.0.1:1/none:1\"}}\n"
         "tests: {one: {environment: none, run: \"true\"}}\n");
  const Captured captured = run({});
  EXPECT_EQ(captured.status.code, 3) << captured.output;
  EXPECT_THAT(captured.output, HasSubstr("while pulling image '127.0.0.1:1/none:1'"));
}

TEST_F(DockerProgram, SaysThatThereIsNoEngine) {
  nestbox.environment["DOCKER_HOST"] = "unix://" + (nestbox.home() / "none.sock").string();
  const Captured captured = run({"-e", "tiny", "--", "true"});
  EXPECT_EQ(captured.status.code, 3) << captured.output;
  EXPECT_THAT(captured.output, HasSubstr("none.sock"));
  EXPECT_THAT(captured.output, HasSubstr("apt-get install docker.io"));
  const json report = json::parse(nestbox.run({"doctor", "--json"}).output);
  for (const json& driver : report["drivers"])
    if (driver["name"] == "docker") {
      EXPECT_EQ(driver["available"], false);
      EXPECT_THAT(driver["reason"], HasSubstr("none.sock"));
    }
}

TEST_F(DockerProgram, LosesTestsWhenItsEngineDies) {
  DockerDaemon daemon;
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  nestbox.write_script("test.sh", "#!/bin/sh\necho begun\nsleep 1000\n");
  RunningNestbox running(nestbox, {"run", "--driver", "docker", "-v", "-e", "tiny", "./test.sh"});
  ASSERT_TRUE(running.wait_for("begun")) << running.output();
  daemon.kill();
  EXPECT_EQ(running.finish().code, 3) << running.output();
  EXPECT_THAT(outcome_of("test.sh"), testing::AnyOf("lost", "infra")) << running.output();
}

TEST_F(DockerProgram, TellsAFullDiskFromATestsOwnFailure) {
  DockerDaemon daemon(mebibytes(48));
  nestbox.environment["DOCKER_HOST"] = daemon.host();
  nestbox.write_script("test_fill.sh",
                       "#!/bin/sh\ndd if=/dev/zero of=/full bs=1M count=100\nrm /full\nexit 1\n");
  const Captured filled = run({"-v", "-e", "tiny", "./test_fill.sh"});
  EXPECT_EQ(filled.status.code, 1) << filled.output;
  EXPECT_THAT(filled.output, HasSubstr("No space left on device"));
  EXPECT_EQ(outcome_of("test_fill.sh"), "failed");
  const fs::path directory = image_directory("large", "COPY large /\n");
  write_file_atomically(directory / "large", std::string(mebibytes(64).count, 'x'));
  define("environments: {large: {image: \"dockerfile:large\"}}\n"
         "tests: {one: {environment: large, run: \"true\"}}\n");
  const Captured built = run({"one"});
  EXPECT_EQ(built.status.code, 3) << built.output;
  EXPECT_THAT(built.output, HasSubstr("no space left on device"));
}

}  // namespace
}  // namespace nestbox
