#include "harness/env/barrier_board.hpp"

#include <gtest/gtest.h>

#include <future>

#include "harness/base/result.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> k_all = {"a", "b", "c"};

class Barrier : public testing::Test {
protected:
  std::future<Result<void>> arrive(const std::string& machine, Deadline deadline,
                                   std::vector<std::string> members = k_all,
                                   const CancelToken& cancel = {}) {
    return std::async(std::launch::async, [=, this] {
      return catch_error([&] { m_board.arrive("ready", members, machine, 30s, deadline, cancel); });
    });
  }

  static Deadline soon() { return Deadline::after(1min); }

  BarrierBoard m_board;
};

TEST_F(Barrier, ReleasesAllWhenTheLastArrivesRoundAfterRound) {
  for (int round = 0; round < 3; ++round) {
    auto a = arrive("a", soon());
    auto b = arrive("b", soon());
    EXPECT_TRUE(arrive("c", soon()).get());
    EXPECT_TRUE(a.get());
    EXPECT_TRUE(b.get());
  }
}

TEST_F(Barrier, CountsAMachineOnce) {
  CancelSource stop;
  auto first = arrive("a", soon(), {"a", "b"}, stop.token());
  EXPECT_FALSE(arrive("a", Deadline::after(0s), {"a", "b"}).get());
  // The second may have come and gone before the first.
  stop.cancel();
  EXPECT_FALSE(first.get());
}

TEST_F(Barrier, SaysWhoIsMissingAndEndsTheRoundForAll) {
  // In two steps, so that both wait at one round whichever comes first.
  auto a = arrive("a", Deadline::after(200ms));
  auto b = arrive("b", Deadline::after(200ms));
  for (auto* one : {&a, &b}) {
    const Result<void> result = one->get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::timeout);
  }
}

TEST_F(Barrier, NamesTheMissing) {
  const auto message = [&](std::vector<std::string> members) {
    return arrive("a", Deadline::after(0s), std::move(members)).get().error().message;
  };
  EXPECT_EQ(message({"a", "b"}),
            "barrier 'ready': machine 'b' did not arrive within 30.0 s (a did)");
  EXPECT_EQ(message({"a", "b", "c"}),
            "barrier 'ready': machines 'b', 'c' did not arrive within 30.0 s (a did)");
  EXPECT_EQ(arrive("", Deadline::after(0s), {"a"}).get().error().message,
            "barrier 'ready': machine 'a' did not arrive within 30.0 s (none did)");
}

TEST_F(Barrier, RefusesWhoIsNoMember) {
  const Result<void> result = arrive("d", soon()).get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::usage);
  EXPECT_EQ(result.error().message,
            "barrier 'ready': machine 'd' is not one of those that it is for: a, b, c");
}

TEST_F(Barrier, ForgetsWhoIsCancelled) {
  CancelSource source;
  source.cancel();
  EXPECT_EQ(arrive("a", soon(), k_all, source.token()).get().error().code, ErrorCode::cancelled);
  // Nothing of that round is left: one with other members may begin.
  EXPECT_TRUE(arrive("a", soon(), {"a"}).get());
}

}  // namespace
}  // namespace nestbox
