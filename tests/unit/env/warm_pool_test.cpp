#include "harness/env/warm_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "harness/base/log.hpp"
#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

Deadline soon() {
  return Deadline::after(std::chrono::seconds(20));
}

class WarmPoolTest : public testing::Test {
protected:
  std::unique_ptr<WarmPool> make_pool(WarmPool::Limits limits) {
    return std::make_unique<WarmPool>(make_fake_environment(m_world), limits);
  }

  std::unique_ptr<Machine> fork_from(WarmPool& pool) {
    return pool.machine("test", Isolation::fork, soon(), {});
  }

  const std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
};

TEST_F(WarmPoolTest, KeepsAsManyAsItMay) {
  const auto pool = make_pool({.machines = 3, .memory = gibibytes(1)});
  ASSERT_TRUE(pool->await_full(soon()));
  EXPECT_EQ(m_world->alive, 3);
}

TEST_F(WarmPoolTest, ExercisesThemBeforehand) {
  const auto pool = make_pool({.machines = 2, .memory = gibibytes(1)});
  ASSERT_TRUE(pool->await_full(soon()));
  const std::lock_guard lock(m_world->mutex);
  ASSERT_EQ(m_world->commands.size(), 2u);
  EXPECT_EQ(m_world->commands[0].argv, std::vector<std::string>{"true"});
}

TEST_F(WarmPoolTest, HandsOutAWaitingOneAndMakesAnother) {
  const auto pool = make_pool({.machines = 1, .memory = gibibytes(1)});
  ASSERT_TRUE(pool->await_full(soon()));
  const auto machine = fork_from(*pool);
  EXPECT_EQ(machine->spec().name, "warm-1");
  ASSERT_TRUE(pool->await_full(soon()));
  EXPECT_EQ(fork_from(*pool)->spec().name, "warm-2");
}

TEST_F(WarmPoolTest, ForksWhenNoneIsReady) {
  const auto pool = make_pool({.machines = 0, .memory = gibibytes(1)});
  EXPECT_EQ(fork_from(*pool)->spec().name, "test");
}

TEST_F(WarmPoolTest, GivesNoWarmMachineToWhoWantsAFreshOne) {
  const auto pool = make_pool({.machines = 1, .memory = gibibytes(1)});
  ASSERT_TRUE(pool->await_full(soon()));
  EXPECT_EQ(pool->machine("test", Isolation::fresh, soon(), {})->spec().name, "test");
}

TEST_F(WarmPoolTest, IsBoundedByTheMemoryThatMachinesReallyUse) {
  m_world->private_memory = mebibytes(40);
  const auto pool = make_pool({.machines = 10, .memory = mebibytes(100)});
  ASSERT_TRUE(pool->await_full(soon()));
  EXPECT_EQ(m_world->alive, 2);
}

TEST_F(WarmPoolTest, EndsThoseThatWaitWithItself) {
  auto pool = make_pool({.machines = 2, .memory = gibibytes(1)});
  ASSERT_TRUE(pool->await_full(soon()));
  const auto machine = fork_from(*pool);
  pool.reset();
  EXPECT_EQ(m_world->alive, 1);
}

TEST_F(WarmPoolTest, GivesUpAndSaysSoWhenMachinesCannotBeMade) {
  static std::atomic<int> warnings;
  warnings = 0;
  set_log_sink([](LogLevel level, std::string_view) { warnings += level == LogLevel::warning; });
  m_world->before_machine = [](const std::string& name) {
    if (name.starts_with("warm-"))
      throw Error(ErrorCode::infrastructure, "no memory left");
  };
  const auto pool = make_pool({.machines = 2, .memory = gibibytes(1)});
  EXPECT_TRUE(pool->await_full(soon()));
  EXPECT_EQ(warnings, 1);
  EXPECT_EQ(fork_from(*pool)->spec().name, "test");
  set_log_sink(nullptr);
}

}  // namespace
}  // namespace nestbox
