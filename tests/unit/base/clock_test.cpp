#include "harness/base/clock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, TellsWhatIsLeft) {
  EXPECT_TRUE(Deadline::after(0s).passed());
  EXPECT_EQ(Deadline::after(-5s).remaining(), 0ns);
  EXPECT_EQ(Deadline::after(-5s).poll_timeout(), 0);
  EXPECT_FALSE(Deadline::after(1h).passed());
  EXPECT_GT(Deadline::after(1h).remaining(), 59min);
  EXPECT_GT(Deadline::after(1h).poll_timeout(), 3'500'000);
}

TEST(Deadline, NeverHasNoEnd) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
  EXPECT_EQ(Deadline::never().remaining(), std::chrono::nanoseconds::max());
}

TEST(Deadline, ClampsWhatTheClockCannotHold) {
  EXPECT_TRUE(Deadline::after(std::chrono::nanoseconds::max()).is_never());
  EXPECT_EQ(Deadline::after(24h * 365).poll_timeout(), std::numeric_limits<int>::max());
}

TEST(Deadline, EarlierOfTwo) {
  const Deadline soon = Deadline::after(1s);
  EXPECT_EQ(earlier(soon, Deadline::never()).instant(), soon.instant());
  EXPECT_EQ(earlier(Deadline::never(), soon).instant(), soon.instant());
}

TEST(CancelToken, NeverCancelsWhenDefaultMade) {
  const CancelToken token;
  EXPECT_FALSE(token.cancelled());
  EXPECT_EQ(token.descriptor(), -1);
  EXPECT_NO_THROW(token.throw_if_cancelled());
}

TEST(CancelSource, IsCancelledWithItsParentAndNeverCancelsIt) {
  CancelSource parent;
  const CancelSource child(parent.token());
  CancelSource other(parent.token());
  other.cancel();
  EXPECT_TRUE(other.token().cancelled());
  EXPECT_FALSE(parent.token().cancelled());
  EXPECT_FALSE(child.token().cancelled());
  parent.cancel();
  EXPECT_TRUE(child.token().cancelled());
  EXPECT_EQ(wait_readable(child.token().descriptor(), Deadline::after(0s)), Wait::ready);
  EXPECT_FALSE(CancelSource(CancelToken()).token().cancelled());
}

TEST(CancelSource, OutlivesItsParent) {
  auto parent = std::make_unique<CancelSource>();
  CancelSource child(parent->token());
  parent.reset();
  EXPECT_FALSE(child.token().cancelled());
  child.cancel();
  EXPECT_TRUE(child.token().cancelled());
}

TEST(CancelToken, SharesTheAnswerWithItsCopies) {
  CancelSource source;
  const CancelToken token = source.token();
  const CancelToken copy = token;
  EXPECT_FALSE(copy.cancelled());
  source.cancel();
  source.cancel();
  EXPECT_TRUE(token.cancelled());
  EXPECT_TRUE(copy.cancelled());
  try {
    copy.throw_if_cancelled();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::cancelled);
  }
}

TEST(WaitReadable, ReturnsWhenThereIsSomethingToRead) {
  const Pipe pipe;
  ASSERT_EQ(::write(pipe.writing.get(), "x", 1), 1);
  EXPECT_EQ(wait_readable(pipe.reading.get(), Deadline::after(0s)), Wait::ready);
}

TEST(WaitReadable, ReturnsWhenThePeerIsGone) {
  Pipe pipe;
  pipe.writing.close();
  EXPECT_EQ(wait_readable(pipe.reading.get(), Deadline::never()), Wait::ready);
}

TEST(WaitReadable, EndsAtTheDeadline) {
  const Pipe pipe;
  const Deadline deadline = Deadline::after(20ms);
  EXPECT_EQ(wait_readable(pipe.reading.get(), deadline), Wait::timed_out);
  EXPECT_TRUE(deadline.passed());
}

TEST(WaitReadable, IsWokenByCancel) {
  const Pipe pipe;
  CancelSource source;
  std::thread canceller([&] { source.cancel(); });
  EXPECT_EQ(wait_readable(pipe.reading.get(), Deadline::never(), source.token()), Wait::cancelled);
  canceller.join();
}

TEST(WaitWritable, ReturnsWhenThereIsRoom) {
  const Pipe pipe;
  EXPECT_EQ(wait_writable(pipe.writing.get(), Deadline::never()), Wait::ready);
}

}  // namespace
}  // namespace nestbox
