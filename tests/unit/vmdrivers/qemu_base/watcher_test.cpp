#include "vmdrivers/qemu_base/watcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <memory>

#include "harness/base/filesystem.hpp"
#include "harness/base/result.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"
#include "tests/support/log_recorder.hpp"

namespace nestbox::qemu {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(60s);
}

/// A shell that plays QEMU: 3 is the agent's port, 5 the console. It goes on until it is told to
/// end, or killed.
class Play {
public:
  explicit Play(const std::string& script) {
    SocketPair agent;
    SocketPair console;
    SocketPair input;
    m_input = std::move(input.ours);
    m_process = std::make_unique<Process>(Process::spawn(
        {.argv = {"/bin/sh", "-c", script + "\nread line"},
         .descriptors = {
             {0, input.theirs.get()}, {3, agent.theirs.get()}, {5, console.theirs.get()}}}));
    watcher = std::make_unique<Watcher>(WatchedQemu{.pid = m_process->pid(),
                                                    .process = duplicate(m_process->descriptor()),
                                                    .console = std::move(console.ours),
                                                    .agent = duplicate(agent.ours.get())},
                                        std::vector<Channel>{});
    agent_port = std::move(agent.ours);
    watcher->on_end([this](Condition condition) { m_told.set_value(condition); });
  }
  ~Play() { watcher.reset(); }

  void end() { m_input.close(); }
  Condition told() {
    std::future<Condition> future = m_told.get_future();
    return future.wait_until(soon().instant()) == std::future_status::ready ? future.get()
                                                                            : Condition::running;
  }

  std::unique_ptr<Watcher> watcher;
  FileDescriptor agent_port;

private:
  FileDescriptor m_input;
  std::unique_ptr<Process> m_process;
  std::promise<Condition> m_told;
};

TEST(QemuWatcher, SeesAMachineThatRuns) {
  Play play("true");
  EXPECT_EQ(play.watcher->condition(), Condition::running);
}

TEST(QemuWatcher, TellsAPowerOffFromADeadQemu) {
  Play off("true");
  off.watcher->handle(QemuEvent::shut_down);
  off.watcher->handle(QemuEvent::ended);
  off.end();
  EXPECT_EQ(off.told(), Condition::stopped);
  EXPECT_EQ(off.watcher->condition(), Condition::stopped);
  Play killed("true");
  killed.end();
  EXPECT_EQ(killed.told(), Condition::lost);
  EXPECT_EQ(killed.watcher->condition(), Condition::lost);
}

TEST(QemuWatcher, SeesAPanicOnTheConsole) {
  Play play("printf '[1.0] Kernel panic - not' >&5; printf ' syncing: test\\n' >&5");
  EXPECT_EQ(play.told(), Condition::panicked);
  EXPECT_THAT(play.watcher->console(), HasSubstr("Kernel panic - not syncing: test"));
}

TEST(QemuWatcher, IsToldOfAPanic) {
  Play play("true");
  play.watcher->handle(QemuEvent::crashed);
  play.watcher->handle(QemuEvent::ended);
  play.end();
  EXPECT_EQ(play.told(), Condition::panicked);
}

TEST(QemuWatcher, EndsAMachineWhoseDiskIsFull) {
  const LogRecorder log;
  Play play("true");
  play.watcher->handle(QemuEvent::disk_full);
  play.watcher->handle(QemuEvent::disk_full);
  EXPECT_EQ(play.told(), Condition::lost);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("its disk is on is full")));
}

TEST(QemuWatcher, KnowsTheCauseOnceTheAgentsConnectionHasEnded) {
  Play play("exec 3>&-");
  ASSERT_EQ(wait_readable(play.agent_port.get(), soon()), Wait::ready);
  play.watcher->handle(QemuEvent::shut_down);
  EXPECT_EQ(play.watcher->condition(), Condition::stopped);
}

TEST(QemuWatcher, TellsWhoeverAsksLater) {
  Play play("exit 0");
  ASSERT_EQ(play.told(), Condition::lost);
  std::promise<Condition> later;
  play.watcher->on_end([&](Condition condition) { later.set_value(condition); });
  EXPECT_EQ(later.get_future().get(), Condition::lost);
}

TEST(QemuWatcher, KeepsTheLastWordsOfTheConsole) {
  Play play("echo 'last words' >&5; exit 0");
  EXPECT_EQ(play.told(), Condition::lost);
  EXPECT_EQ(play.watcher->console(), "last words\n");
}

TEST(QemuWatcher, KeepsTheEndOfALongConsole) {
  Play play("head -c 3000000 /dev/zero | tr '\\0' x >&5; echo the end >&5; exit 0");
  ASSERT_TRUE(play.watcher->await_end(soon()));
  const std::string console = play.watcher->console();
  EXPECT_EQ(console.size(), 256u * 1024);
  EXPECT_TRUE(console.ends_with("the end\n"));
}

TEST(QemuWatcher, DoesNotTellOfAnEndThatIsWanted) {
  Play play("true");
  EXPECT_TRUE(play.watcher->kill());
  EXPECT_TRUE(play.watcher->await_end(soon()));
  bool told = false;
  play.watcher->on_end([&](Condition) { told = true; });
  play.watcher.reset();
  EXPECT_FALSE(told);
}

TEST(QemuWatcher, WaitsForAMigration) {
  Play play("true");
  play.watcher->handle(QemuEvent::migrated);
  play.watcher->await_migration(1, soon());
  const auto code = [&](int count, Deadline deadline) {
    const Result<void> waited =
        catch_error([&] { play.watcher->await_migration(count, deadline); });
    return waited ? ErrorCode::usage : waited.error().code;
  };
  EXPECT_EQ(code(2, Deadline::after(0s)), ErrorCode::timeout);
  play.watcher->handle(QemuEvent::migration_failed);
  EXPECT_EQ(code(2, soon()), ErrorCode::infrastructure);
}

TEST(QemuWatcher, DoesNotWaitForTheMigrationOfAQemuThatHasEnded) {
  Play play("true");
  play.end();
  EXPECT_THROW(play.watcher->await_migration(1, soon()), Error);
}

}  // namespace
}  // namespace nestbox::qemu
