#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/hash.hpp"
#include "harness/vm/snapshot.hpp"
#include "tests/functional/tiny_machines.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

/// One template of the tiny guest with a small disk, for all tests of this program.
class LiveMachines : public testing::Test {
protected:
  static void SetUpTestSuite() {
    s_directory = std::make_unique<TemporaryDirectory>();
    s_driver = make_machine_driver();
    const fs::path staging = s_directory->path() / "staging";
    fs::create_directory(staging);
    const fs::path disk = s_directory->path() / "disk.raw";
    std::ofstream(disk, std::ios::binary) << "pristine";
    fs::resize_file(disk, mebibytes(4).count);
    MachineSpec spec = tiny_machine();
    spec.name = "template";
    spec.disk = disk;
    spec.save_directory = staging;
    auto machine = s_driver->boot(spec, {}, soon(), {});
    shell(*machine, "printf template | dd of=/dev/vda bs=512 conv=notrunc 2>/dev/null; sync");
    save(std::move(machine));
    // As the layer cache publishes it.
    fs::rename(staging, s_directory->path() / "layer");
    s_template = load_snapshot(s_directory->path() / "layer");
  }

  static void TearDownTestSuite() {
    s_driver.reset();
    s_directory.reset();
  }

  static std::unique_ptr<Machine> fork(const std::string& name) {
    return s_driver->fork(s_template, {.name = name}, soon(), {});
  }

  static Condition condition_after(Machine& machine, const std::string& script) {
    CommandIo io;
    io.output = [](OutputStream, std::string_view) {};
    EXPECT_THROW(machine.transport().run({.argv = {"/bin/sh", "-c", script}}, io, soon(), {}),
                 Error);
    return machine.condition();
  }

  static inline std::unique_ptr<TemporaryDirectory> s_directory;
  static inline std::unique_ptr<Driver> s_driver;
  static inline Snapshot s_template;
};

TEST_F(LiveMachines, ForkFromWhereTheLayerLiesNow) {
  const auto clone = fork("clone");
  EXPECT_EQ(shell(*clone, "head -c 8 /dev/vda"), "template");
}

TEST_F(LiveMachines, NeverChangeTheirTemplate) {
  const auto digests = [] {
    std::vector<std::string> all;
    for (const char* file : {"ram", "state", "disk.qcow2"})
      all.push_back(sha256_file(s_template.directory / file));
    return all;
  };
  const auto before = digests();
  const auto clone = fork("clone");
  shell(*clone, "printf changed! | dd of=/dev/vda bs=512 conv=notrunc 2>/dev/null; sync; "
                "dd if=/dev/zero of=/tmp/file bs=1M count=16 2>/dev/null");
  EXPECT_EQ(shell(*clone, "head -c 8 /dev/vda"), "changed!");
  EXPECT_EQ(digests(), before);
}

TEST_F(LiveMachines, AreSavedReadOnly) {
  for (const auto& entry : fs::directory_iterator(s_template.directory)) {
    // QEMU opens the RAM's file for writing where it is an ordinary user's.
    const bool owner_writes = entry.path().filename() == k_ram_file && ::geteuid() != 0;
    EXPECT_EQ(entry.status().permissions(), fs::perms(owner_writes ? 0644 : 0444)) << entry.path();
  }
}

TEST_F(LiveMachines, ShareTheirTemplatesMemory) {
  const auto clone = fork("clone");
  shell(*clone, "true");
  EXPECT_GT(clone->private_memory(), mebibytes(4));
  EXPECT_LT(clone->private_memory(), mebibytes(64));
}

TEST_F(LiveMachines, TellAPanicFromAPowerOff) {
  const auto panicked = fork("panicked");
  EXPECT_EQ(condition_after(*panicked, "echo c > /proc/sysrq-trigger; sleep 60"),
            Condition::panicked);
  EXPECT_THAT(panicked->console(), HasSubstr("Kernel panic - not syncing"));
  const auto stopped = fork("stopped");
  EXPECT_EQ(condition_after(*stopped, "echo o > /proc/sysrq-trigger; sleep 60"),
            Condition::stopped);
  const auto rebooted = fork("rebooted");
  EXPECT_EQ(condition_after(*rebooted, "echo b > /proc/sysrq-trigger; sleep 60"),
            Condition::stopped);
}

TEST_F(LiveMachines, WaitWhenForkedPaused) {
  const auto clone = s_driver->fork(s_template, {.name = "paused", .paused = true}, soon(), {});
  EXPECT_EQ(clone->condition(), Condition::running);
  clone->resume();
  clone->transport().ping(soon(), {});
  EXPECT_EQ(shell(*clone, "echo awake"), "awake\n");
}

TEST_F(LiveMachines, AreLostWhenTheirStateIsDamaged) {
  const TemporaryDirectory directory;
  for (const auto& entry : fs::directory_iterator(s_template.directory))
    fs::copy(entry.path(), directory.path() / entry.path().filename());
  fs::permissions(directory.path() / "state", fs::perms::owner_all);
  fs::resize_file(directory.path() / "state", 5000);
  try {
    s_driver->fork(load_snapshot(directory.path()), {.name = "damaged"}, soon(), {});
    ADD_FAILURE() << "it came to life";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::lost);
    EXPECT_THAT(error.message, HasSubstr("machine 'damaged' did not answer"));
  }
}

TEST_F(LiveMachines, AreNotSavedUnlessTheyWereMadeForIt) {
  const auto clone = fork("clone");
  EXPECT_THROW(clone->save(soon()), Error);
}

TEST_F(LiveMachines, HaveANetworkOnlyWhenAsked) {
  const auto clone = fork("clone");
  EXPECT_EQ(shell(*clone, "ls /sys/class/net | grep -v lo | wc -l"), "0\n");
  MachineSpec spec = tiny_machine();
  spec.name = "networked";
  spec.network = NetworkAccess::user;
  const auto networked = s_driver->boot(spec, {}, soon(), {});
  EXPECT_EQ(shell(*networked, "ls /sys/class/net | grep -v lo | wc -l"), "1\n");
}

TEST_F(LiveMachines, SayOnTheConsoleWhyTheyDoNotBoot) {
  MachineSpec spec = tiny_machine();
  spec.name = "broken";
  spec.kernel_arguments = "rdinit=/nonexistent";
  try {
    s_driver->boot(spec, {}, soon(), {});
    ADD_FAILURE() << "it came to life";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message, HasSubstr("its kernel panicked"));
    EXPECT_THAT(error.message, HasSubstr("Kernel panic - not syncing"));
  }
}

TEST(Accelerator, IsFoundInBoundedTimeWhateverTheHostsKvmDoes) {
  const auto driver = make_machine_driver(AcceleratorPolicy::prefer);
  const Availability availability = driver->availability();
  EXPECT_TRUE(availability.available) << availability.reason;
  EXPECT_TRUE(availability.acceleration == "kvm" || availability.acceleration == "tcg");
  const bool hardware = availability.acceleration == "kvm";
  EXPECT_NE(hardware, availability.reason.find("(no kvm: ") != std::string::npos)
      << availability.reason;
  EXPECT_TRUE(hardware || !availability.details.empty());
}

}  // namespace
}  // namespace nestbox
