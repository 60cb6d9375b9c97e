#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/vm/driver.hpp"

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
  static Deadline soon() { return Deadline::after(std::chrono::minutes(2)); }

  std::unique_ptr<Machine> boot(const std::string& name,
                                std::optional<fs::path> save_directory = std::nullopt) {
    MachineSpec spec = GetParam().spec();
    spec.name = name;
    spec.save_directory = std::move(save_directory);
    return m_driver->boot(spec, soon(), {});
  }

  /// Stdout of `sh -c script`, which must succeed.
  static std::string shell(Machine& machine, const std::string& script) {
    std::string output;
    CommandIo io;
    io.output = [&](OutputStream stream, std::string_view bytes) {
      if (stream == OutputStream::standard_output)
        output += bytes;
    };
    const CommandResult result =
        machine.transport().run({.argv = {"/bin/sh", "-c", script}}, io, soon(), {});
    EXPECT_EQ(result.status, ExitStatus{}) << script;
    return output;
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
  origin->transport().quiesce(soon());
  const Snapshot snapshot = origin->save(soon());
  origin.reset();

  const auto clone = m_driver->fork(snapshot, {.name = "clone"}, soon(), {});
  EXPECT_EQ(clone->spec().name, "clone");
  EXPECT_EQ(shell(*clone, "cat /kept"), "kept\n");
}

TEST_P(ForkingDriverContract, KeepsClonesApartFromEachOtherAndFromTheirTemplate) {
  const TemporaryDirectory directory;
  auto origin = boot("origin", directory.path());
  origin->transport().quiesce(soon());
  const Snapshot snapshot = origin->save(soon());
  origin.reset();

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
  origin->transport().quiesce(soon());
  const Snapshot lower = origin->save(soon());
  origin.reset();

  auto step = m_driver->fork(lower, {.name = "step", .save_directory = second.path()}, soon(), {});
  shell(*step, "echo 2 >> /steps");
  step->transport().quiesce(soon());
  const Snapshot upper = step->save(soon());
  step.reset();

  const auto clone = m_driver->fork(upper, {.name = "clone"}, soon(), {});
  EXPECT_EQ(shell(*clone, "cat /steps"), "1\n2\n");
  const auto sibling = m_driver->fork(lower, {.name = "sibling"}, soon(), {});
  EXPECT_EQ(shell(*sibling, "cat /steps"), "1\n");
}

}  // namespace nestbox
