#include "vmdrivers/ssh/host_pool.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"

namespace nestbox::ssh {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return Deadline::after(60s);
}

class SshHostPool : public testing::Test {
protected:
  HostPool::Lease take(const std::vector<std::string>& hosts = {"a", "b"}) {
    return m_pool.take(hosts, soon(), {});
  }

  TemporaryDirectory m_directory;
  HostPool m_pool{m_directory.path() / "pool"};
};

TEST_F(SshHostPool, GivesTheFirstThatIsFree) {
  std::optional<HostPool::Lease> first(take());
  const HostPool::Lease second = take();
  EXPECT_EQ(first->host(), "a");
  EXPECT_EQ(second.host(), "b");
  first.reset();
  EXPECT_EQ(take().host(), "a");
}

TEST_F(SshHostPool, GivesEachHostOnceUntilTheDeadline) {
  const HostPool::Lease lease = take({"a"});
  try {
    static_cast<void>(m_pool.take({"a"}, Deadline::after(10ms), {}));
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::timeout);
    EXPECT_EQ(error.message, "no host became free in time: a");
  }
}

TEST_F(SshHostPool, StopsWaitingWhenCancelled) {
  const HostPool::Lease lease = take({"a"});
  CancelSource source;
  source.cancel();
  EXPECT_THROW(static_cast<void>(m_pool.take({"a"}, soon(), source.token())), Error);
}

TEST_F(SshHostPool, WakesWhoWaitsForAHost) {
  std::optional<HostPool::Lease> lease(take({"a"}));
  std::thread waiter([&] { EXPECT_EQ(take({"a"}).host(), "a"); });
  lease.reset();
  waiter.join();
}

TEST_F(SshHostPool, GivesManyTheirTurn) {
  std::vector<std::thread> threads;
  std::atomic<int> holders = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 10; ++turn) {
        const HostPool::Lease lease = take();
        EXPECT_LE(++holders, 2);
        --holders;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
}

TEST_F(SshHostPool, TakesAHostBackFromWhoWasKilled) {
  const Pipe taken;
  const pid_t holder = ::fork();
  if (holder == 0) {
    const HostPool::Lease lease = take({"a"});
    [[maybe_unused]] const ssize_t told = ::write(taken.writing.get(), "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(taken.reading.get(), &byte, 1), 1);
  std::thread waiter([&] { EXPECT_EQ(take({"a"}).host(), "a"); });
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  waiter.join();
}

}  // namespace
}  // namespace nestbox::ssh
