// What of a libvirt daemon's domains is ours, and what is left of them. Started by with_libvirtd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

#include "harness/base/owner.hpp"
#include "harness/vm/snapshot.hpp"
#include "tests/functional/tiny_machines.hpp"
#include "tests/support/nestbox_program.hpp"
#include "vmdrivers/libvirt/domain_xml.hpp"
#include "vmdrivers/libvirt/handle.hpp"
#include "vmdrivers/libvirt/sockets.hpp"

namespace nestbox {
namespace {

using libvirt::Connection;
using libvirt::DomainLaunch;
using libvirt::LeftDomain;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string uri() {
  const char* value = std::getenv("LIBVIRT_DEFAULT_URI");
  return value ? value : "";
}

std::ptrdiff_t entries_of(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

/// What machines have named in the temporary directory.
std::vector<std::string> sockets_left() {
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
    if (entry.path().filename().string().starts_with("nestbox-libvirt-"))
      left.push_back(entry.path());
  return left;
}

/// The QEMU of a domain, as a descriptor that becomes readable when it ends.
libvirt::Peer qemu_of(const std::string& domain) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    if (line.find("guest=" + domain + ",") != std::string::npos)
      return libvirt::look_after(std::stoi(entry.path().filename()));
  }
  return {};
}

class LibvirtDomains : public testing::Test {
protected:
  LibvirtDomains() { fs::create_directory(staging()); }

  fs::path staging() const { return m_directory.path() / "staging"; }

  Snapshot saved() {
    MachineSpec spec = tiny_machine();
    spec.name = "template";
    spec.save_directory = staging();
    return save(driver->boot(spec, {}, soon(), {}));
  }

  std::unique_ptr<Driver> driver = make_machine_driver();
  Connection connection{uri()};

private:
  TemporaryDirectory m_directory;
};

TEST_F(LibvirtDomains, BearTheirMachineAndTheirOwner) {
  MachineSpec spec = tiny_machine();
  spec.name = "db";
  const auto machine = driver->boot(spec, {}, soon(), {});
  const std::vector<LeftDomain> ours = connection.ours();
  ASSERT_THAT(ours, SizeIs(1));
  EXPECT_EQ(ours[0].title, "db");
  EXPECT_EQ(ours[0].owner, to_string(this_owner()));
  EXPECT_THAT(driver->reap(true, soon(), {}), IsEmpty());
}

TEST_F(LibvirtDomains, AreGoneWithTheirMachinesAndLeaveNothing) {
  const Snapshot snapshot = saved();
  const auto descriptors_before = entries_of("/proc/self/fd");
  const auto threads_before = entries_of("/proc/self/task");
  const auto lease = [&](const std::string& name) {
    const auto machine = driver->fork(snapshot, {.name = name}, soon(), {});
    EXPECT_EQ(shell(*machine, "echo $((1 + 1))"), "2\n");
  };
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker)
    workers.emplace_back([&, worker] {
      for (int turn = 0; turn < 5; ++turn)
        lease("lease-" + std::to_string(worker));
    });
  for (std::thread& worker : workers)
    worker.join();
  EXPECT_THAT(connection.ours(), IsEmpty());
  EXPECT_EQ(entries_of("/proc/self/fd"), descriptors_before);
  EXPECT_EQ(entries_of("/proc/self/task"), threads_before);
  EXPECT_THAT(sockets_left(), IsEmpty());
}

TEST_F(LibvirtDomains, HaveNamesThatAreUsedAgain) {
  const Snapshot snapshot = saved();
  std::vector<std::string> names;
  for (int turn = 0; turn < 2; ++turn) {
    const auto machine = driver->fork(snapshot, {.name = "one"}, soon(), {});
    names.push_back(connection.ours().at(0).name);
  }
  EXPECT_EQ(names[0], names[1]);
}

TEST_F(LibvirtDomains, DoNotMindThatSomebodyElseHasTheirName) {
  const Snapshot snapshot = saved();
  const auto one = driver->fork(snapshot, {.name = "one"}, soon(), {});
  const auto other_driver = make_machine_driver();
  const auto other = other_driver->fork(snapshot, {.name = "other"}, soon(), {});
  EXPECT_THAT(connection.ours(), SizeIs(2));
}

TEST_F(LibvirtDomains, TellThatTheirQemuWasKilled) {
  MachineSpec spec = tiny_machine();
  spec.name = "victim";
  const auto machine = driver->boot(spec, {}, soon(), {});
  const libvirt::Peer qemu = qemu_of(connection.ours().at(0).name);
  ASSERT_GT(qemu.pid, 0);
  std::promise<Condition> ended;
  machine->on_end([&](Condition condition) { ended.set_value(condition); });
  ::kill(qemu.pid, SIGKILL);
  // It may still answer until it has ended.
  EXPECT_EQ(ended.get_future().get(), Condition::lost);
  EXPECT_THROW(machine->transport().ping(soon(), {}), Error);
  EXPECT_EQ(machine->condition(), Condition::lost);
}

TEST_F(LibvirtDomains, AreReapedOnceNobodyOwnsThem) {
  const TemporaryDirectory directory;
  const libvirt::ListeningSocket agent(directory.path() / "agent");
  const libvirt::ListeningSocket console(directory.path() / "console");
  Owner dead = this_owner();
  dead.start_time += 1;
  DomainLaunch launch{.name = "nestbox-left",
                      .uuid = "0b3d5bb6-9ee5-4b0e-8f0e-1f7f3f3a0001",
                      .owner = to_string(dead),
                      .emulator = find_program("qemu-system-x86_64").value(),
                      .accelerator = {"tcg", qemu::k_emulated_cpu},
                      .spec = tiny_machine(),
                      .agent_socket = agent.path(),
                      .console_socket = console.path()};
  launch.spec.name = "left";
  const auto domain = connection.create(domain_xml(launch), launch.name, {});
  for (const bool dry_run : {true, false}) {
    const std::vector<Leftover> found = driver->reap(dry_run, soon(), {});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].what, "domain 'nestbox-left' (machine 'left')");
    EXPECT_EQ(found[0].owner, to_string(dead));
    EXPECT_EQ(found[0].failed, "");
    EXPECT_THAT(connection.ours(), SizeIs(dry_run ? 1 : 0));
  }
  EXPECT_THAT(driver->reap(false, soon(), {}), IsEmpty());
}

TEST_F(LibvirtDomains, RunTestsOfTheProgram) {
  NestboxProgram nestbox;
  nestbox.environment["LIBVIRT_DEFAULT_URI"] = uri();
  nestbox.write_script("test.sh", "#!/bin/sh\nuname -s\necho \"on $NESTBOX_DRIVER\"\n");
  const Captured run =
      nestbox.run({"run", "--driver", "libvirt", "-e", "tiny", "--accel", "never", "./test.sh"});
  EXPECT_EQ(run.status, ExitStatus{}) << run.output << run.diagnostics;
  EXPECT_THAT(run.output, HasSubstr("Linux"));
  EXPECT_THAT(run.output, HasSubstr("on libvirt"));
  EXPECT_THAT(connection.ours(), IsEmpty());
}

TEST_F(LibvirtDomains, AreGoneWithANestboxThatIsKilled) {
  NestboxProgram nestbox;
  nestbox.environment["LIBVIRT_DEFAULT_URI"] = uri();
  RunningNestbox run(nestbox, {"run", "--driver", "libvirt", "-e", "tiny", "--accel", "never", "--",
                               "sh", "-c", "echo begun; sleep 1000"});
  ASSERT_TRUE(run.wait_for("begun")) << run.output();
  const std::vector<LeftDomain> running = connection.ours();
  ASSERT_THAT(running, SizeIs(1));
  const libvirt::Peer qemu = qemu_of(running[0].name);
  ASSERT_GT(qemu.pid, 0);
  run.process().kill();
  EXPECT_EQ(wait_readable(qemu.process.get(), soon()), Wait::ready);
  // libvirt answers this when it has tidied up after its own ending of it.
  connection.destroy(running[0]);
  EXPECT_THAT(connection.ours(), IsEmpty());
  EXPECT_TRUE(nestbox.processes_gone());
}

TEST_F(LibvirtDomains, AreGoneWheneverNestboxIsKilled) {
  NestboxProgram nestbox;
  nestbox.environment["LIBVIRT_DEFAULT_URI"] = uri();
  const std::vector<std::string> arguments = {"run",     "--driver", "libvirt", "-e",    "tiny",
                                              "--accel", "never",    "--",      "sleep", "1000"};
  for (const int milliseconds : {30, 60, 100, 150, 250, 400, 700}) {
    RunningNestbox run(nestbox, arguments);
    run.process().wait(Deadline::after(std::chrono::milliseconds(milliseconds)));
    run.process().kill();
  }
  EXPECT_TRUE(nestbox.processes_gone());
  // The daemon may still be at what it was told last.
  const Deadline deadline = soon();
  do {
    nestbox.run({"reap"});
  } while (!connection.ours().empty() && !deadline.passed());
  EXPECT_THAT(connection.ours(), IsEmpty());
  EXPECT_EQ(entries_of(nestbox.home() / "tmp"), 0);
}

}  // namespace
}  // namespace nestbox
