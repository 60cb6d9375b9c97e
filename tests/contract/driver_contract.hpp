#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/vm/driver.hpp"
#include "tests/support/machine_shell.hpp"

/// What every driver promises, whatever its machines are. A driver's test instantiates the suite
/// with how it is made and what it boots; what a driver says it cannot do (Capabilities) is not
/// asked of it.
namespace nestbox {

struct DriverUnderTest {
  std::string name;
  std::function<std::unique_ptr<Driver>()> make;
  std::function<MachineSpec()> spec;  ///< of a small machine, without a name
};

inline std::ostream& operator<<(std::ostream& out, const DriverUnderTest& driver) {
  return out << driver.name;
}

class DriverContract : public testing::TestWithParam<DriverUnderTest> {
protected:
  std::unique_ptr<Machine> boot(const std::string& name,
                                std::optional<fs::path> save_directory = std::nullopt) {
    MachineSpec spec = GetParam().spec();
    spec.name = name;
    spec.save_directory = std::move(save_directory);
    return m_driver->boot(spec, {}, soon(), {});
  }

  std::unique_ptr<Driver> m_driver = GetParam().make();
};

/// What a driver that forks promises besides.
class ForkingDriverContract : public DriverContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ForkingDriverContract);

TEST_P(DriverContract, SaysItsName) {
  EXPECT_EQ(m_driver->name(), GetParam().name);
}

TEST_P(DriverContract, IsAvailableAndSaysWhatItIs) {
  const Availability availability = m_driver->availability();
  EXPECT_TRUE(availability.available) << availability.reason;
  EXPECT_EQ(availability.hint, "");
  EXPECT_NE(availability.acceleration, "");
}

TEST_P(DriverContract, SlowsGuestsDownByASaneFactor) {
  EXPECT_GE(m_driver->slowdown(), 1.0);
  EXPECT_LE(m_driver->slowdown(), 20.0);
}

TEST_P(DriverContract, BootsAMachineThatRunsCommands) {
  const auto machine = boot("one");
  EXPECT_EQ(machine->spec().name, "one");
  EXPECT_EQ(shell(*machine, "echo hello"), "hello\n");
  EXPECT_EQ(machine->condition(), Condition::running);
  EXPECT_TRUE(machine->workspace().starts_with("/"));
}

TEST_P(DriverContract, KeepsMachinesApart) {
  const auto one = boot("one");
  const auto two = boot("two");
  const std::string write =
      "mkdir -p " + one->workspace() + " && echo 1 > " + one->workspace() + "/mine";
  shell(*one, write);
  EXPECT_EQ(shell(*two, "cat " + two->workspace() + "/mine 2>/dev/null || echo none"), "none\n");
}

TEST_P(ForkingDriverContract, DoesNotBootOnceCancelled) {
  CancelSource source;
  source.cancel();
  MachineSpec spec = GetParam().spec();
  spec.name = "cancelled";
  EXPECT_THROW(m_driver->boot(spec, {}, soon(), source.token()), Error);
}

TEST_P(ForkingDriverContract, ForksWhatWasInMemoryAndOnDisk) {
  const TemporaryDirectory directory;
  auto origin = boot("origin", directory.path());
  shell(*origin, "echo kept > /kept");
  const Snapshot snapshot = save(std::move(origin));

  const auto clone = m_driver->fork(snapshot, {.name = "clone"}, soon(), {});
  EXPECT_EQ(clone->spec().name, "clone");
  EXPECT_EQ(shell(*clone, "cat /kept"), "kept\n");
}

TEST_P(ForkingDriverContract, KeepsClonesApartFromEachOtherAndFromTheirTemplate) {
  const TemporaryDirectory directory;
  auto origin = boot("origin", directory.path());
  const Snapshot snapshot = save(std::move(origin));

  const auto one = m_driver->fork(snapshot, {.name = "one"}, soon(), {});
  shell(*one, "echo 1 > /mine; head -c 4000000 /dev/zero > /tmp/big || true");
  const auto two = m_driver->fork(snapshot, {.name = "two"}, soon(), {});
  EXPECT_EQ(shell(*two, "cat /mine 2>/dev/null || echo none"), "none\n");
}

TEST_P(ForkingDriverContract, SavesAClone) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  auto origin = boot("origin", first.path());
  shell(*origin, "echo 1 > /steps");
  const Snapshot lower = save(std::move(origin));

  auto step = m_driver->fork(lower, {.name = "step", .save_directory = second.path()}, soon(), {});
  shell(*step, "echo 2 >> /steps");
  const Snapshot upper = save(std::move(step));

  const auto clone = m_driver->fork(upper, {.name = "clone"}, soon(), {});
  EXPECT_EQ(shell(*clone, "cat /steps"), "1\n2\n");
  const auto sibling = m_driver->fork(lower, {.name = "sibling"}, soon(), {});
  EXPECT_EQ(shell(*sibling, "cat /steps"), "1\n");
}

}  // namespace nestbox
