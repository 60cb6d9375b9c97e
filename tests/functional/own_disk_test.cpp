#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/env/disk_image.hpp"
#include "harness/env/environment.hpp"
#include "tests/functional/bootable_disk.hpp"
#include "tests/functional/tiny_machines.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Environments of whole disks, on real machines, in the tests' shared cache.
class OwnDisk : public testing::Test {
protected:
  OwnDisk() : m_driver(make_machine_driver()), m_cache(cache_directory()) {}

  /// Of a disk. Machines of one driver have a way out, those of the other none: cloud-init is told
  /// different things.
  static Environment of(const std::string& file) {
    Environment environment;
    environment.name = "own";
    environment.image = "disk:" + file;
    environment.init = Init::systemd;
    environment.memory = mebibytes(512);
    environment.network = driver_under_test() == "qemu" ? NetworkAccess::user : NetworkAccess::none;
    environment.steps = {RunStep{"echo built > /srv/step"}};
    return environment;
  }

  std::shared_ptr<PreparedEnvironment> prepare(const Environment& environment,
                                               const fs::path& folder) {
    return EnvironmentBuilder(m_cache, *m_driver, m_progress).prepare(environment, folder, {});
  }

  std::shared_ptr<PreparedEnvironment> bootable() {
    const Layer disk = bootable_disk({m_cache, m_progress, {}});
    return prepare(of("disk.raw"), disk.directory());
  }

  /// Why a disk of that name in m_folder is refused.
  std::string refusal(const std::string& file) {
    const auto prepared = catch_error([&] { return prepare(of(file), m_folder.path()); });
    EXPECT_TRUE(!prepared && prepared.error().code == ErrorCode::definition);
    return prepared ? "" : prepared.error().message;
  }

  void qemu_img(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "qemu-img");
    run_checked({.argv = std::move(arguments), .working_directory = m_folder.path()}, soon());
  }

  TemporaryDirectory m_folder;
  std::unique_ptr<Driver> m_driver;
  LayerCache m_cache;
  ProgressRecorder m_progress;
};

TEST_F(OwnDisk, StartsByItselfAndForks) {
  const auto prepared = bootable();
  const auto one = prepared->machine("one", Isolation::fork, soon(), {});
  const auto two = prepared->machine("two", Isolation::fork, soon(), {});
  const std::string script = "cat /proc/1/comm /srv/step; findmnt -no SOURCE /; hostname; "
                             "systemctl is-system-running; cat /etc/machine-id";
  const std::vector<std::string> first = split(shell(*one, script), '\n');
  const std::vector<std::string> second = split(shell(*two, script), '\n');
  ASSERT_EQ(first.size(), 7U);
  ASSERT_EQ(second.size(), 7U);
  EXPECT_THAT(std::vector(first.begin(), first.begin() + 5),
              ElementsAre("systemd", "built", "/dev/vda1", "one", "running"));
  EXPECT_EQ(second[3], "two");
  EXPECT_NE(first[5], second[5]);
  shell(*one, "echo mine > /srv/step");
  EXPECT_EQ(shell(*two, "cat /srv/step"), "built\n");
  if (prepared->definition().network == NetworkAccess::user) {
    EXPECT_THAT(shell(*one, "ip -o -4 address show user0"), HasSubstr("10.0.2.15/24"));
  }
}

TEST_F(OwnDisk, StartsAgainAsItsEnvironmentLeftIt) {
  const auto fresh =
      bootable()->machine("fresh", Isolation::fresh, Deadline::after(std::chrono::minutes(5)), {});
  EXPECT_EQ(shell(*fresh, "cat /srv/step; hostname"), "built\nfresh\n");
}

TEST_F(OwnDisk, IsRefusedWhenItStandsOnAnotherFile) {
  qemu_img({"create", "-q", "-f", "qcow2", "alone.qcow2", "1G"});
  qemu_img({"create", "-q", "-f", "qcow2", "-b", "alone.qcow2", "-F", "qcow2", "upper.qcow2"});
  qemu_img({"create", "-q", "-f", "qcow2", "-o", "data_file=data.raw", "outside.qcow2", "1G"});
  EXPECT_EQ(read_disk_image(m_folder.path() / "alone.qcow2"), (DiskImage{"qcow2", gibibytes(1)}));
  EXPECT_THAT(refusal("upper.qcow2"), HasSubstr("its backing file"));
  EXPECT_THAT(refusal("outside.qcow2"), HasSubstr("has its data in another file"));
  fs::create_symlink("/dev/null", m_folder.path() / "leads_outside");
  EXPECT_THAT(refusal("leads_outside"), HasSubstr("it leads outside"));
}

TEST_F(OwnDisk, SaysWhatItNeedsWhenItDoesNotStartTheAgent) {
  // A boot loader that has nothing to load.
  std::string loop = "\xeb\xfe";
  loop.resize(510);
  write_file_atomically(m_folder.path() / "disk.raw", loop + "\x55\xaa");
  MachineSpec spec;
  spec.name = "mute";
  spec.disk = m_folder.path() / "disk.raw";
  const auto booted = catch_error(
      [&] { return m_driver->boot(spec, {}, Deadline::after(std::chrono::seconds(20)), {}); });
  ASSERT_FALSE(booted);
  EXPECT_EQ(booted.error().code, ErrorCode::infrastructure);
  EXPECT_THAT(booted.error().message, HasSubstr("machine 'mute' did not answer"));
  EXPECT_THAT(booted.error().message, HasSubstr("Booting from Hard Disk"));
  EXPECT_THAT(booted.error().hint, HasSubstr("cloud-init"));
}

}  // namespace
}  // namespace nestbox
