#include "runner/plan.hpp"

#include <gtest/gtest.h>

#include <random>

#include "runner/resource_pool.hpp"

namespace nestbox {
namespace {

using std::chrono::seconds;

bool always(std::size_t) {
  return true;
}

PlannedTest test(std::size_t environment = 0, seconds timeout = seconds(60), int repeat = 1,
                 int retries = 0) {
  return {environment, timeout, repeat, retries};
}

std::vector<std::size_t> order(Plan& plan) {
  std::vector<std::size_t> tests;
  while (std::optional<Job> job = plan.next(always)) {
    tests.push_back(job->test);
    plan.finished(*job, Outcome::passed);
  }
  return tests;
}

TEST(Plan, StartsNothingBeforeItsEnvironmentIsReady) {
  Plan plan({test()}, 1, {});
  EXPECT_EQ(plan.next(always), std::nullopt);
  EXPECT_FALSE(plan.done());
  plan.environment_ready(0);
  EXPECT_EQ(plan.next(always), (Job{0, 1, 1, 0}));
}

TEST(Plan, PrefersLongTimeoutsAndElseTheGivenOrder) {
  Plan plan({test(), test(0, seconds(300)), test(), test(1, seconds(300))}, 2, {});
  plan.environment_ready(0);
  plan.environment_ready(1);
  EXPECT_EQ(order(plan), (std::vector<std::size_t>{1, 3, 0, 2}));
  EXPECT_TRUE(plan.done());
}

TEST(Plan, RunsReadyEnvironmentsWhileOthersBuild) {
  Plan plan({test(1), test(0)}, 2, {});
  plan.environment_ready(0);
  EXPECT_EQ(plan.next(always)->test, 1U);
}

TEST(Plan, PassesOverWhatHasNoRoom) {
  Plan plan({test(0), test(1)}, 2, {});
  plan.environment_ready(0);
  plan.environment_ready(1);
  EXPECT_EQ(plan.next([](std::size_t environment) { return environment == 1; })->test, 1U);
}

TEST(Plan, HoldsToTheNumberOfJobs) {
  Plan plan({test(), test(), test()}, 1, {2, false});
  plan.environment_ready(0);
  std::optional<Job> first = plan.next(always);
  EXPECT_TRUE(plan.next(always));
  EXPECT_FALSE(plan.next(always));
  plan.finished(*first, Outcome::passed);
  EXPECT_TRUE(plan.next(always));
}

TEST(Plan, RepeatsEachTest) {
  Plan plan({test(0, seconds(60), 3)}, 1, {});
  plan.environment_ready(0);
  EXPECT_EQ(order(plan).size(), 3U);
}

TEST(Plan, TriesAMachineFaultTwiceAgain) {
  for (Outcome fault : {Outcome::lost, Outcome::infra}) {
    Plan plan({test()}, 1, {});
    plan.environment_ready(0);
    int attempts = 0;
    while (std::optional<Job> job = plan.next(always)) {
      EXPECT_EQ(job->attempt, ++attempts);
      EXPECT_EQ(plan.finished(*job, fault), attempts < 3);
    }
    EXPECT_EQ(attempts, 3);
    EXPECT_TRUE(plan.done());
  }
}

TEST(Plan, NeverRetriesAFailureUnasked) {
  for (Outcome outcome : k_outcomes) {
    if (is_machine_fault(outcome))
      continue;
    Plan plan({test()}, 1, {});
    plan.environment_ready(0);
    EXPECT_FALSE(plan.finished(*plan.next(always), outcome));
    EXPECT_TRUE(plan.done());
  }
}

TEST(Plan, RetriesFailuresWhenAsked) {
  Plan plan({test(0, seconds(60), 1, 2)}, 1, {});
  plan.environment_ready(0);
  EXPECT_TRUE(plan.finished(*plan.next(always), Outcome::failed));
  EXPECT_TRUE(plan.finished(*plan.next(always), Outcome::lost));
  EXPECT_TRUE(plan.finished(*plan.next(always), Outcome::timeout));
  std::optional<Job> last = plan.next(always);
  EXPECT_EQ(last, (Job{0, 1, 4, 1}));
  EXPECT_FALSE(plan.finished(*last, Outcome::failed));
}

TEST(Plan, FailsFast) {
  Plan plan({test(), test(), test()}, 1, {0, true});
  plan.environment_ready(0);
  std::optional<Job> first = plan.next(always);
  std::optional<Job> second = plan.next(always);
  plan.finished(*first, Outcome::failed);
  EXPECT_TRUE(plan.stopped());
  EXPECT_FALSE(plan.next(always));
  EXPECT_EQ(plan.stop(), (std::vector<Job>{{2, 1, 1, 0}}));
  EXPECT_FALSE(plan.done());
  EXPECT_FALSE(plan.finished(*second, Outcome::lost));
  EXPECT_TRUE(plan.done());
}

TEST(Plan, GivesUpTheTestsOfABrokenEnvironment) {
  Plan plan({test(0), test(1), test(0)}, 2, {});
  EXPECT_EQ(plan.environment_failed(0).size(), 2U);
  plan.environment_ready(1);
  EXPECT_EQ(order(plan), (std::vector<std::size_t>{1}));
  EXPECT_TRUE(plan.done());
}

TEST(Plan, StopsWithWhatWasWaitingInOrder) {
  Plan plan({test(1), test(0, seconds(90), 2)}, 2, {});
  EXPECT_EQ(plan.stop(), (std::vector<Job>{{0, 1, 1, 0}, {1, 1, 1, 0}, {1, 2, 1, 0}}));
  EXPECT_TRUE(plan.done());
}

TEST(Plan, IsDoneAtOnceWhenEmpty) {
  EXPECT_TRUE(Plan({}, 0, {}).done());
}

TEST(Plan, EndsEveryJobOnceWhateverHappens) {
  std::mt19937 random(20260131);
  for (int round = 0; round < 200; ++round) {
    std::vector<PlannedTest> tests;
    std::size_t expected = 0;
    for (int index = static_cast<int>(random() % 12); index > 0; --index) {
      tests.push_back(test(random() % 3, seconds(random() % 3), 1 + static_cast<int>(random() % 3),
                           static_cast<int>(random() % 2)));
      expected += static_cast<std::size_t>(tests.back().repeat);
    }
    Plan plan(tests, 3, {static_cast<int>(random() % 3), random() % 2 == 0});
    std::size_t ended = plan.environment_failed(2).size();
    plan.environment_ready(0);
    plan.environment_ready(1);
    std::vector<Job> running;
    while (!plan.done()) {
      if (std::optional<Job> job =
              plan.next([&](std::size_t) { return running.empty() || random() % 2 == 0; })) {
        running.push_back(*job);
        continue;
      }
      if (plan.stopped())
        ended += plan.stop().size();
      if (running.empty())
        continue;
      const Job job = running.back();
      running.pop_back();
      if (!plan.finished(job, k_outcomes[random() % k_outcomes.size()]))
        ++ended;
      if (random() % 50 == 0)
        ended += plan.stop().size();
    }
    EXPECT_EQ(ended, expected);
    EXPECT_TRUE(running.empty());
  }
}

TEST(ResourcePool, LendsUntilNothingIsLeft) {
  ResourcePool pool({2, mebibytes(100)});
  std::optional<ResourcePool::Lease> first = pool.try_take({1, mebibytes(60)});
  EXPECT_TRUE(first);
  EXPECT_FALSE(pool.try_take({1, mebibytes(60)}));
  EXPECT_FALSE(pool.try_take({2, mebibytes(10)}));
  EXPECT_TRUE(pool.try_take({1, mebibytes(40)}));
}

TEST(ResourcePool, TakesBackWhatIsDropped) {
  ResourcePool pool({1, mebibytes(100)});
  {
    auto lease = pool.try_take({1, mebibytes(100)});
    ASSERT_TRUE(lease);
    ResourcePool::Lease moved = std::move(*lease);
    EXPECT_FALSE(pool.has_room_for({1, mebibytes(1)}));
  }
  EXPECT_TRUE(pool.has_room_for({1, mebibytes(100)}));
}

TEST(ResourcePool, LetsTheTooLargeRunAlone) {
  ResourcePool pool({2, mebibytes(100)});
  auto giant = pool.try_take({8, gibibytes(1)});
  EXPECT_TRUE(giant);
  EXPECT_FALSE(pool.try_take({1, mebibytes(1)}));
}

TEST(ResourcePool, KnowsThisHost) {
  const Resources host = host_resources();
  EXPECT_GE(host.cores, 1);
  EXPECT_GT(host.memory, mebibytes(1));
}

}  // namespace
}  // namespace nestbox
