#include "vmdrivers/qemu/monitor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "harness/base/socket_pair.hpp"
#include "vmdrivers/qemu/argv.hpp"

namespace nestbox::qemu {
namespace {

using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(20));
}

/// A shell script that plays QEMU: 3 is the agent's port, 4 QMP, 5 the console.
std::unique_ptr<Monitor> watch(const std::string& script, CancelToken cancel = {},
                               FileDescriptor* our_agent_end = nullptr) {
  SocketPair agent;
  if (our_agent_end)
    *our_agent_end = FileDescriptor(::fcntl(agent.ours.get(), F_DUPFD_CLOEXEC, 0));
  SocketPair qmp;
  SocketPair console;
  SocketPair diagnostics;
  ProcessSpec spec{.argv = {"/bin/sh", "-c", script}};
  spec.descriptors = {{STDERR_FILENO, diagnostics.theirs.get()},
                      {k_agent_descriptor, agent.theirs.get()},
                      {k_qmp_descriptor, qmp.theirs.get()},
                      {k_console_descriptor, console.theirs.get()}};
  return std::make_unique<Monitor>(Process::spawn(spec),
                                   QemuConnections{std::move(qmp.ours), std::move(console.ours),
                                                   std::move(diagnostics.ours),
                                                   std::move(agent.ours)},
                                   std::move(cancel));
}

/// Plays on until QMP says a line, so that a live QEMU can be looked at.
constexpr char k_stay[] = "; read line <&4";

std::string event(const std::string& name, const std::string& data) {
  return "echo '{\"event\": \"" + name + "\", \"data\": " + data + "}' >&4\n";
}

TEST(QemuMonitor, SeesAMachineThatRuns) {
  const auto monitor = watch(std::string("true") + k_stay);
  EXPECT_EQ(monitor->condition(), Condition::running);
}

TEST(QemuMonitor, EndsAMachineWhoseDiskIsFull) {
  const auto monitor =
      watch(event("BLOCK_IO_ERROR", R"({"device": "disk", "operation": "write", "action": "stop",)"
                                    R"( "nospace": true, "reason": "No space left on device"})")
            + "read line <&4; sleep 1000");
  ASSERT_TRUE(monitor->await_end(soon()));
  EXPECT_EQ(monitor->condition(), Condition::lost);
}

TEST(QemuMonitor, TellsAPowerOffFromADeadQemu) {
  const auto off = watch(event("SHUTDOWN", R"({"guest": true, "reason": "guest-shutdown"})"));
  ASSERT_TRUE(off->await_end(soon()));
  EXPECT_EQ(off->condition(), Condition::stopped);
  const auto killed = watch("kill -9 $$");
  ASSERT_TRUE(killed->await_end(soon()));
  EXPECT_EQ(killed->condition(), Condition::lost);
  const auto told = watch(event("SHUTDOWN", R"({"guest": false, "reason": "host-signal"})"));
  ASSERT_TRUE(told->await_end(soon()));
  EXPECT_EQ(told->condition(), Condition::lost);
}

TEST(QemuMonitor, SeesAPanicOnTheConsole) {
  const auto monitor =
      watch("printf '[1.0] Kernel panic - not' >&5; printf ' syncing: test\\n' >&5\n"
            + event("SHUTDOWN", R"({"guest": true, "reason": "guest-reset"})"));
  ASSERT_TRUE(monitor->await_end(soon()));
  EXPECT_EQ(monitor->condition(), Condition::panicked);
  EXPECT_THAT(monitor->console(), HasSubstr("Kernel panic - not syncing: test"));
}

TEST(QemuMonitor, KnowsTheCauseAsSoonAsTheAgentsConnectionEnds) {
  FileDescriptor agent;
  const auto monitor = watch("exec 3>&-\n" + event("SHUTDOWN", R"({"guest": true})"), {}, &agent);
  ASSERT_EQ(wait_readable(agent.get(), soon()), Wait::ready);
  EXPECT_EQ(monitor->condition(), Condition::stopped);
}

/// How `monitor` tells of its end.
Condition news_of(Monitor& monitor) {
  std::promise<Condition> told;
  monitor.on_end([&](Condition condition) { told.set_value(condition); });
  std::future<Condition> news = told.get_future();
  if (news.wait_until(soon().instant()) != std::future_status::ready) {
    monitor.on_end({});
    return Condition::running;
  }
  return news.get();
}

TEST(QemuMonitor, TellsOfTheEndOnce) {
  EXPECT_EQ(news_of(*watch(event("SHUTDOWN", R"({"guest": true})"))), Condition::stopped);
  EXPECT_EQ(news_of(*watch("kill -9 $$")), Condition::lost);
  const auto panicked = watch("printf 'Kernel panic - not syncing: test\\n' >&5");
  EXPECT_EQ(news_of(*panicked), Condition::panicked);
  EXPECT_EQ(news_of(*panicked), Condition::panicked) << "to whoever asks later";
}

TEST(QemuMonitor, TellsOfAPanicThatDoesNotEndQemu) {
  const auto monitor =
      watch(std::string("printf 'Kernel panic - not syncing: test\\n' >&5") + k_stay);
  EXPECT_EQ(news_of(*monitor), Condition::panicked);
}

TEST(QemuMonitor, DoesNotTellOfAnEndThatWasAskedFor) {
  const auto monitor = watch("read line <&4\n"
                             + event("SHUTDOWN", R"({"guest": false, "reason": "host-qmp-quit"})"));
  bool told = false;
  monitor->on_end([&](Condition) { told = true; });
  monitor->qmp().post({{"quit"}});
  ASSERT_TRUE(monitor->await_end(soon()));
  monitor->on_end({});
  EXPECT_FALSE(told);
}

TEST(QemuMonitor, KeepsTheEndOfALongConsole) {
  const auto monitor = watch("head -c 3000000 /dev/zero | tr '\\0' x >&5; echo the end >&5");
  ASSERT_TRUE(monitor->await_end(soon()));
  const std::string console = monitor->console();
  EXPECT_EQ(console.size(), 256u * 1024);
  EXPECT_TRUE(console.ends_with("the end\n"));
}

TEST(QemuMonitor, KeepsWhatQemuComplainedOf) {
  const auto monitor = watch("echo 'qemu: no such device' >&2; exit 1");
  ASSERT_TRUE(monitor->await_end(soon()));
  EXPECT_EQ(monitor->diagnostics(), "qemu: no such device");
}

TEST(QemuMonitor, WaitsForAMigration) {
  const auto monitor = watch(event("MIGRATION", R"({"status": "active"})")
                             + event("MIGRATION", R"({"status": "completed"})") + "true" + k_stay);
  EXPECT_NO_THROW(monitor->await_migration(soon()));
}

TEST(QemuMonitor, ReportsAMigrationThatFails) {
  const auto failed = watch(event("MIGRATION", R"({"status": "failed"})") + "true" + k_stay);
  EXPECT_THROW(failed->await_migration(soon()), Error);
  const auto ended = watch("exit 1");
  EXPECT_THROW(ended->await_migration(soon()), Error);
}

TEST(QemuMonitor, EndsItsQemuWhenCancelledBeforeItHasStarted) {
  CancelSource source;
  const auto monitor = watch(std::string("true") + k_stay, source.token());
  source.cancel();
  EXPECT_TRUE(monitor->await_end(soon()));
}

TEST(QemuMonitor, IgnoresACancelOnceStarted) {
  CancelSource source;
  const auto monitor = watch("read line <&4; echo ended >&5", source.token());
  monitor->started();
  source.cancel();
  monitor->qmp().post({{"quit"}});
  ASSERT_TRUE(monitor->await_end(soon()));
  EXPECT_EQ(monitor->console(), "ended\n");
}

}  // namespace
}  // namespace nestbox::qemu
