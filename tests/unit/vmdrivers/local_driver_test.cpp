#include "vmdrivers/local/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(60s);
}

TEST(LocalDriver, CanDoNothingButRunCommands) {
  const auto driver = local::make_driver({});
  EXPECT_EQ(driver->name(), "local");
  EXPECT_EQ(driver->capabilities(), (Capabilities{.boots = Boots::host, .terminal = true}));
  EXPECT_EQ(driver->slowdown(), 1.0);
  const Availability availability = driver->availability();
  EXPECT_TRUE(availability.available);
  EXPECT_EQ(availability.acceleration, "native");
}

TEST(LocalDriver, RefusesToFork) {
  const auto driver = local::make_driver({});
  try {
    driver->fork({}, {}, soon(), {});
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_EQ(error.message, "driver 'local' cannot fork a running machine");
  }
  MachineSpec spec;
  spec.name = "a";
  EXPECT_THROW(driver->boot(spec, {}, soon(), {})->save(soon()), Error);
}

TEST(LocalDriver, GivesEachMachineAWorkspaceThatGoesWithIt) {
  const auto driver = local::make_driver({});
  MachineSpec spec;
  spec.name = "a";
  const auto first = driver->boot(spec, {}, soon(), {});
  auto second = driver->boot(spec, {}, soon(), {});
  EXPECT_EQ(first->spec(), spec);
  EXPECT_EQ(first->condition(), Condition::running);
  EXPECT_EQ(first->console(), "");
  const fs::path workspace = second->workspace();
  EXPECT_NE(workspace, first->workspace());
  const Command write = {.argv = {"sh", "-c", "mkdir d && echo x > d/f && chmod 0 d"},
                         .working_directory = workspace};
  EXPECT_TRUE(second->transport().run(write, {}, soon(), {}).status.success());
  second.reset();
  EXPECT_FALSE(fs::exists(workspace));
}

// Runs `checks` as an ordinary user, in a process of its own: root needs no sudo.
void expect_as_ordinary_user(const std::function<void()>& checks) {
  const auto check_and_exit = [&] {
    constexpr id_t k_nobody = 65534;
    if (::geteuid() == 0 && (::setgid(k_nobody) != 0 || ::setuid(k_nobody) != 0))
      std::exit(90);
    checks();
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(check_and_exit(), testing::ExitedWithCode(0), "");
}

class LocalDriverWithSudo : public testing::Test {
protected:
  LocalDriverWithSudo() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// Puts a program 'sudo' of ours before all others.
void be_sudo(const TemporaryDirectory& directory, const std::string& script) {
  const fs::path sudo = directory.path() / "sudo";
  write_file_atomically(sudo, "#!/bin/sh\n" + script);
  fs::permissions(sudo, fs::perms::owner_all);
  ::setenv("PATH", (directory.path().string() + ":/usr/bin:/bin").c_str(), 1);
}

std::unique_ptr<Driver> driver_with_sudo() {
  DriverSettings settings;
  settings.use_sudo = true;
  return local::make_driver(settings);
}

TEST_F(LocalDriverWithSudo, RunsCommandsThroughIt) {
  expect_as_ordinary_user([] {
    const TemporaryDirectory directory;
    be_sudo(directory, "test \"$1 $2\" = '-n --' || exit 99\nshift 2\nexec env -i \"$@\"\n");
    const auto driver = driver_with_sudo();
    EXPECT_TRUE(driver->availability().available);
    const auto machine = driver->boot({}, {}, soon(), {});
    std::string output;
    const CommandIo io = {.output = [&](OutputStream, std::string_view piece) { output += piece; }};
    const Command command = {.argv = {"printenv", "A"},
                             .environment = {{"A", "1 2"}, {"PATH", "/usr/bin:/bin"}}};
    EXPECT_TRUE(machine->transport().run(command, io, soon(), {}).status.success());
    EXPECT_EQ(output, "1 2\n");
  });
}

TEST_F(LocalDriverWithSudo, ShowsNoSecretInItsArguments) {
  expect_as_ordinary_user([] {
    const TemporaryDirectory directory;
    be_sudo(directory, "test \"$1 $2 $3\" = '-n --preserve-env=A_TOKEN --' || exit 99\n"
                       "case \"$*\" in *hunter2*) exit 98 ;; esac\nshift 3\n"
                       "exec env -i A_TOKEN=\"$A_TOKEN\" \"$@\"\n");
    const auto machine = driver_with_sudo()->boot({}, {}, soon(), {});
    std::string output;
    const CommandIo io = {.output = [&](OutputStream, std::string_view piece) { output += piece; }};
    const Command command = {.argv = {"printenv", "A_TOKEN"},
                             .environment = {{"A_TOKEN", "hunter2"}, {"PATH", "/usr/bin:/bin"}}};
    EXPECT_EQ(machine->transport().run(command, io, soon(), {}).status, ExitStatus{});
    EXPECT_EQ(output, "hunter2\n");
  });
}

TEST_F(LocalDriverWithSudo, IsNotAvailableWhenItAsksForAPassword) {
  expect_as_ordinary_user([] {
    const TemporaryDirectory directory;
    be_sudo(directory, "exit 1\n");
    const Availability availability = driver_with_sudo()->availability();
    EXPECT_FALSE(availability.available);
    EXPECT_THAT(availability.reason, HasSubstr("password"));
    EXPECT_THAT(availability.hint, HasSubstr("sudo -n true"));
  });
}

}  // namespace
}  // namespace nestbox
