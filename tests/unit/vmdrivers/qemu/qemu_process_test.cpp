#include "vmdrivers/qemu/qemu_process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/base/socket_pair.hpp"
#include "vmdrivers/qemu/argv.hpp"

namespace nestbox::qemu {
namespace {

Deadline soon() {
  return Deadline::after(std::chrono::seconds(20));
}

/// A shell script that plays QEMU: 4 is QMP, 5 the console.
std::unique_ptr<QemuProcess> play(const std::string& script) {
  SocketPair agent;
  SocketPair qmp;
  SocketPair console;
  SocketPair diagnostics;
  ProcessSpec spec{.argv = {"/bin/sh", "-c", script}};
  spec.descriptors = {{STDERR_FILENO, diagnostics.theirs.get()},
                      {k_agent_descriptor, agent.theirs.get()},
                      {k_qmp_descriptor, qmp.theirs.get()},
                      {k_console_descriptor, console.theirs.get()}};
  return std::make_unique<QemuProcess>(
      Process::spawn(spec), QemuConnections{std::move(qmp.ours), std::move(console.ours),
                                            std::move(diagnostics.ours), std::move(agent.ours)});
}

/// Plays on until QMP says a line, so that a live QEMU can be looked at.
constexpr char k_stay[] = "read line <&4";

std::string event(const std::string& name, const std::string& data) {
  return "echo '{\"event\": \"" + name + "\", \"data\": " + data + "}' >&4\n";
}

/// How the machine is once its QEMU has ended.
Condition end_of(QemuProcess& qemu) {
  EXPECT_TRUE(qemu.watcher().await_end(soon()));
  return qemu.watcher().condition();
}

TEST(QemuProcess, TellsHowItsMachineEnded) {
  EXPECT_EQ(end_of(*play(event("SHUTDOWN", R"({"guest": true, "reason": "guest-shutdown"})"))),
            Condition::stopped);
  EXPECT_EQ(end_of(*play(event("SHUTDOWN", R"({"guest": false, "reason": "host-signal"})"))),
            Condition::lost);
  EXPECT_EQ(end_of(*play(event("GUEST_PANICKED", R"({"action": "pause"})"))), Condition::panicked);
  EXPECT_EQ(end_of(*play("kill -9 $$")), Condition::lost);
}

TEST(QemuProcess, EndsAMachineWhoseDiskIsFull) {
  const auto qemu =
      play(event("BLOCK_IO_ERROR", R"({"device": "disk", "operation": "write", "action": "stop",)"
                                   R"( "nospace": true, "reason": "No space left on device"})")
           + "read line <&4; sleep 1000");
  EXPECT_EQ(end_of(*qemu), Condition::lost);
}

TEST(QemuProcess, DoesNotMindEventsOfAnotherShape) {
  const auto qemu = play(event("MIGRATION", R"({"status": 7})") + event("SHUTDOWN", "{}")
                         + event("SHUTDOWN", R"({"guest": "yes"})")
                         + event("BLOCK_IO_ERROR", R"({"action": {}})") + event("NEWS", "[1]"));
  EXPECT_EQ(end_of(*qemu), Condition::lost);
}

TEST(QemuProcess, EndsWhenThatIsWanted) {
  const auto qemu = play(k_stay);
  bool told = false;
  qemu->watcher().on_end([&](Condition) { told = true; });
  EXPECT_TRUE(qemu->end(soon()));
  qemu->watcher().on_end({});
  EXPECT_FALSE(told);
}

TEST(QemuProcess, KeepsWhatQemuComplainedOf) {
  const auto qemu = play("echo 'qemu: no such device' >&2; echo 'and more' >&2; exit 1");
  end_of(*qemu);
  EXPECT_EQ(qemu->diagnostics(), "qemu: no such device\nand more");
  EXPECT_EQ(qemu->last_words(), ": qemu: no such device");
  const auto silent = play("exit 1");
  end_of(*silent);
  EXPECT_EQ(silent->last_words(), "");
}

TEST(QemuProcess, TellsOfItsMigrations) {
  const auto qemu = play(event("MIGRATION", R"({"status": "active"})")
                         + event("MIGRATION", R"({"status": "completed"})") + k_stay);
  EXPECT_NO_THROW(qemu->watcher().await_migration(1, soon()));
  const auto failed = play(event("MIGRATION", R"({"status": "failed"})") + k_stay);
  EXPECT_THROW(failed->watcher().await_migration(1, soon()), Error);
}

}  // namespace
}  // namespace nestbox::qemu
