#include "harness/net/delay_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using namespace std::chrono_literals;

DelayedFrame frame(SwitchTime arrival, const char* name, LinkIndex link = 0) {
  return {arrival, link, Direction::in, 0, name};
}

std::string popped(DelayQueue& queue, SwitchTime now) {
  std::string names;
  while (const auto next = queue.pop(now))
    names += next->in_stream;
  return names;
}

TEST(DelayQueue, HandsOutByTimeThenByTurn) {
  DelayQueue queue;
  queue.push(frame(2ms, "c"));
  queue.push(frame(1ms, "a"));
  queue.push(frame(2ms, "d"));
  queue.push(frame(1ms, "b"));
  queue.push(frame(3ms, "e"));
  EXPECT_EQ(queue.next_arrival(), 1ms);
  EXPECT_EQ(popped(queue, 0ms), "");
  EXPECT_EQ(popped(queue, 2ms), "abcd");
  EXPECT_EQ(queue.next_arrival(), 3ms);
  EXPECT_EQ(popped(queue, 3ms), "e");
  EXPECT_EQ(queue.next_arrival(), std::nullopt);
}

TEST(DelayQueue, HastensOneLinkAndKeepsItsOrder) {
  DelayQueue queue;
  queue.push(frame(5s, "a", 1));
  queue.push(frame(6s, "b", 1));
  queue.push(frame(4s, "x", 2));
  queue.hasten(1, Direction::out, 1s);
  EXPECT_EQ(queue.next_arrival(), 4s);
  queue.hasten(1, Direction::in, 1s);
  EXPECT_EQ(popped(queue, 1s), "ab");
}

TEST(DelayQueue, ShowsItsFramesInOrder) {
  DelayQueue queue;
  for (const int ms : {3, 1, 2, 1})
    queue.push(frame(std::chrono::milliseconds(ms), ms == 1 ? "1" : ms == 2 ? "2" : "3"));
  std::string names;
  for (const DelayedFrame* each : queue.frames())
    names += each->in_stream;
  EXPECT_EQ(names, "1123");
  queue.remove_if([](const DelayedFrame& each) { return each.in_stream == "1"; });
  EXPECT_EQ(popped(queue, 1s), "23");
}

}  // namespace
}  // namespace nestbox
