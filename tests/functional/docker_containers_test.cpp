#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "harness/base/owner.hpp"
#include "harness/base/pipe.hpp"
#include "tests/contract/transport_contract.hpp"
#include "tests/functional/docker_engine.hpp"
#include "tests/support/machine_shell.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

/// Whether this host's root has all capabilities, so that an engine can give them.
bool may_do_all() {
  unsigned last = 0;
  std::ifstream("/proc/sys/kernel/cap_last_cap") >> last;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("CapBnd:"))
      return std::stoull(line.substr(7), nullptr, 16) == (2ULL << last) - 1;
  return false;
}

class DockerContainers : public testing::Test {
protected:
  std::unique_ptr<Machine> boot(MachineSpec spec = busybox_container()) {
    if (spec.name.empty())
      spec.name = "one";
    return driver->boot(spec, {}, soon(), {});
  }

  /// Of all containers that the daemon has.
  json containers() { return engine.call({.path = "/containers/json?all=1"}, soon()); }

  json inspected(const json& container) {
    return engine.call({.path = "/containers/" + container["Id"].get<std::string>() + "/json"},
                       soon());
  }

  void await_removal(const std::string& container) {
    const Result<json> waited = catch_error([&] {
      return engine.call(
          {.method = "POST", .path = "/containers/" + container + "/wait?condition=removed"},
          soon());
    });
    EXPECT_TRUE(waited || waited.error().code == ErrorCode::not_found) << waited.error().message;
  }

  std::unique_ptr<Driver> driver = make_docker_driver();
  docker::Engine engine{docker_daemon().socket()};
};

TEST_F(DockerContainers, HaveTheLimitsThatWereAskedFor) {
  MachineSpec spec = busybox_container();
  spec.memory = mebibytes(96);
  spec.cores = 2;
  const auto machine = boot(spec);
  const json host = inspected(containers().at(0))["HostConfig"];
  EXPECT_EQ(host["Memory"], mebibytes(96).count);
  EXPECT_EQ(host["NanoCpus"], 2'000'000'000);
  EXPECT_EQ(host["PidsLimit"], 16384);
  EXPECT_EQ(shell(*machine,
                  "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"),
            "16384\n");
  const Bytes used = machine->private_memory();
  EXPECT_GT(used.count, 0U);
  EXPECT_LT(used, mebibytes(96));
}

TEST_F(DockerContainers, EndWhatWantsTooMuchMemoryAndSayWhy) {
  MachineSpec spec = busybox_container();
  spec.memory = mebibytes(64);
  const auto machine = boot(spec);
  const CommandResult result = machine->transport().run(
      {.argv = {"/bin/sh", "-c", "head -c 300000000 /dev/zero | tail -n 1 > /dev/null"}}, {},
      soon(), {});
  EXPECT_FALSE(result.status.success());
  EXPECT_GE(result.oom_kills, 1);
  EXPECT_EQ(shell(*machine, "echo alive"), "alive\n");
}

TEST_F(DockerContainers, HaveNoNetworkUnlessAsked) {
  EXPECT_EQ(shell(*boot(), "ls /sys/class/net"), "lo\n");
  MachineSpec spec = busybox_container();
  spec.network = NetworkAccess::user;
  const auto machine = boot(spec);
  EXPECT_EQ(shell(*machine, "ls /sys/class/net"), "eth0\nlo\n");
  EXPECT_EQ(shell(*machine, "ping -c 1 -W 20 198.18.0.1 > /dev/null && echo there"), "there\n");
}

TEST_F(DockerContainers, MayDoAllThatRootMayOnlyWhenAsked) {
  const std::string mount = "mount -t tmpfs none /tmp 2>/dev/null && echo mounted || echo refused";
  EXPECT_EQ(shell(*boot(), mount), "refused\n");
  MachineSpec spec = busybox_container();
  spec.privileged = true;
  const Result<std::unique_ptr<Machine>> privileged = catch_error([&] { return boot(spec); });
  if (may_do_all()) {
    ASSERT_TRUE(privileged) << privileged.error().message;
    EXPECT_EQ(shell(**privileged, mount), "mounted\n");
  } else {
    ASSERT_FALSE(privileged);
    EXPECT_THAT(privileged.error().message, HasSubstr("operation not permitted"));
  }
}

TEST_F(DockerContainers, BearTheirOwner) {
  const auto machine = boot();
  const json container = containers().at(0);
  EXPECT_EQ(container["Labels"]["nestbox"], "1");
  EXPECT_EQ(container["Labels"]["nestbox.owner"], to_string(this_owner()));
  EXPECT_EQ(container["Labels"]["nestbox.machine"], "one");
}

TEST_F(DockerContainers, TakeTheNameThatAThawGives) {
  const auto machine = boot();
  EXPECT_EQ(shell(*machine, "hostname"), "one\n");
  Identity identity;
  identity.machine_id = std::string(32, 'a');
  identity.entropy = std::string(64, 'e');
  identity.hosts = {"192.0.2.7 db"};
  for (const std::string name : {"one", "other"}) {
    identity.hostname = name;
    machine->transport().thaw(identity, soon());
    const std::string expected = may_do_all() ? name : "one";
    EXPECT_EQ(shell(*machine, "hostname; cat /etc/hostname"), expected + "\n" + expected + "\n");
  }
  EXPECT_EQ(shell(*machine, "cat /etc/machine-id"), std::string(32, 'a') + "\n");
  EXPECT_THAT(shell(*machine, "cat /etc/hosts"), HasSubstr("192.0.2.7 db"));
}

TEST_F(DockerContainers, TellWhenTheyStop) {
  const auto machine = boot();
  std::promise<Condition> ended;
  machine->on_end([&](Condition condition) { ended.set_value(condition); });
  const Result<CommandResult> cut = catch_error([&] {
    return machine->transport().run({.argv = {"/bin/sh", "-c", "kill -TERM 1; sleep 100"}}, {},
                                    soon(), {});
  });
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::lost);
  EXPECT_EQ(ended.get_future().get(), Condition::stopped);
  EXPECT_EQ(machine->condition(), Condition::stopped);
}

TEST_F(DockerContainers, TellWhenTheyAreKilled) {
  const auto machine = boot();
  std::promise<Condition> ended;
  machine->on_end([&](Condition condition) { ended.set_value(condition); });
  engine.call({.method = "POST",
               .path = "/containers/" + containers().at(0)["Id"].get<std::string>() + "/kill"},
              soon());
  EXPECT_EQ(ended.get_future().get(), Condition::lost);
  EXPECT_EQ(machine->condition(), Condition::lost);
}

TEST_F(DockerContainers, KeepWhatIsSaidOnTheirConsole) {
  const auto machine = boot();
  shell(*machine, "echo 'a last word' > /proc/1/fd/2");
  // What went ahead of an answer has arrived with it.
  machine->transport().ping(soon(), {});
  EXPECT_THAT(machine->console(), HasSubstr("a last word"));
}

TEST_F(DockerContainers, AreGoneWithTheirMachines) {
  boot();
  EXPECT_EQ(containers(), json::array());
}

TEST_F(DockerContainers, AreGoneWithANestboxThatIsKilled) {
  Pipe output;
  Process victim =
      Process::spawn({.argv = {NESTBOX_DOCKER_VICTIM, busybox_container().disk->string()},
                      .descriptors = {{1, output.writing.get()}}});
  output.writing.close();
  char ready = 0;
  ASSERT_EQ(::read(output.reading.get(), &ready, 1), 1);
  const json running = containers();
  ASSERT_EQ(running.size(), 1U);
  victim.kill();
  await_removal(running.at(0)["Id"]);
  EXPECT_EQ(containers(), json::array());
}

TEST_F(DockerContainers, AreReapedOnceNobodyOwnsThem) {
  const auto kept = boot();
  Owner dead = this_owner();
  dead.start_time += 1;
  docker::Labels labels = docker::owner_labels();
  labels[k_owner_label] = to_string(dead);
  const std::string image = inspected(containers().at(0))["Image"];
  MachineSpec spec = busybox_container();
  spec.name = "left";
  engine.call({.method = "POST",
               .path = "/containers/create?name=left",
               .body = docker::container_request(spec, image, {}, labels)},
              soon());
  engine.call({.method = "POST",
               .path = "/volumes/create",
               .body = json({{"Name", "left-volume"}, {"Labels", labels}})},
              soon());
  for (const bool dry_run : {true, false}) {
    const std::vector<Leftover> found = driver->reap(dry_run, soon(), {});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].what, "container 'left'");
    EXPECT_EQ(found[0].owner, to_string(dead));
    EXPECT_EQ(found[0].failed, "");
    EXPECT_EQ(found[1].what, "volume 'left-volume'");
    EXPECT_EQ(containers().size(), dry_run ? 2U : 1U);
  }
  EXPECT_TRUE(driver->reap(false, soon(), {}).empty());
  EXPECT_EQ(shell(*kept, "echo alive"), "alive\n");
}

TEST_F(DockerContainers, AreLeasedAHundredTimesWithoutALeak) {
  const TemporaryDirectory directory;
  MachineSpec spec = busybox_container();
  spec.save_directory = directory.path();
  const Snapshot snapshot = save(boot(spec));
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto threads = [] {
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  // The first brings what stays: the events' connection and thread.
  driver->fork(snapshot, {.name = "first"}, soon(), {});
  const auto descriptors_before = descriptors();
  const auto threads_before = threads();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker)
    workers.emplace_back([&, worker] {
      for (int lease = 0; lease < 25; ++lease) {
        const auto machine =
            driver->fork(snapshot, {.name = "lease-" + std::to_string(worker)}, soon(), {});
        EXPECT_EQ(shell(*machine, "echo $((1 + 1))"), "2\n");
      }
    });
  for (std::thread& worker : workers)
    worker.join();
  EXPECT_EQ(containers(), json::array());
  EXPECT_EQ(engine.call({.path = "/volumes"}, soon())["Volumes"], json::array());
  EXPECT_EQ(threads(), threads_before);
  // Up to four connections are kept, for the next calls.
  EXPECT_LE(descriptors(), descriptors_before + 4 * 8);
}

TEST_F(DockerContainers, AreLostWhenTheirImageIs) {
  const TemporaryDirectory directory;
  MachineSpec spec = busybox_container();
  spec.save_directory = directory.path();
  Snapshot snapshot = save(boot(spec));
  engine.call({.method = "DELETE", .path = "/images/" + snapshot.spec.image + "?force=1"}, soon());
  const Result<std::unique_ptr<Machine>> forked =
      catch_error([&] { return driver->fork(snapshot, {.name = "x"}, soon(), {}); });
  ASSERT_FALSE(forked);
  EXPECT_EQ(forked.error().code, ErrorCode::lost);
}

/// A container, for the transport's contract.
class ContainerHost : public TransportHost {
public:
  Transport& transport() override { return m_machine->transport(); }
  std::string scratch() const override { return m_machine->workspace() + "/scratch"; }

private:
  std::unique_ptr<Driver> m_driver = make_docker_driver();
  std::unique_ptr<Machine> m_machine = [this] {
    MachineSpec spec = busybox_container();
    spec.name = "transport";
    return m_driver->boot(spec, {}, soon(), {});
  }();
};

INSTANTIATE_TEST_SUITE_P(Docker, TransportContract,
                         testing::Values(TransportCase{
                             .name = "docker",
                             .make = [] { return std::make_unique<ContainerHost>(); },
                             .large_output = mebibytes(8)}));

}  // namespace
}  // namespace nestbox
