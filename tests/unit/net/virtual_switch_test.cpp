// The switch on its thread, with real sockets and real time.
#include "harness/net/virtual_switch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/net/frame.hpp"
#include "tests/unit/net/station.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::ethernet;
using ::testing::IsEmpty;
using testing::k_broadcast;
using testing::mac;
using testing::Station;

const std::string k_a_to_b = ethernet(mac(2), mac(1), "from a to b");
const std::string k_b_to_a = ethernet(mac(1), mac(2), "from b to a");

std::chrono::nanoseconds since(Deadline::Clock::time_point start) {
  return Deadline::Clock::now() - start;
}

TEST(VirtualSwitch, PassesFramesBothWays) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  a.send(k_a_to_b);
  EXPECT_EQ(b.receive(), k_a_to_b);
  b.send(k_b_to_a);
  EXPECT_EQ(a.receive(), k_b_to_a);
}

TEST(VirtualSwitch, PassesEveryFrameInOrderUnderLoad) {
  constexpr std::size_t k_frames = 20'000;
  constexpr std::size_t k_window = 300;
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  b.send(k_b_to_a);
  a.receive();
  std::atomic<std::size_t> received = 0;
  std::thread reader([&] {
    for (std::size_t i = 0; i < k_frames; ++i) {
      EXPECT_EQ(b.receive(),
                ethernet(mac(2), mac(1), std::to_string(i) + std::string(i % 1400, 'x')));
      ++received;
      received.notify_one();
    }
  });
  for (std::size_t i = 0; i < k_frames; ++i) {
    for (std::size_t seen = received; i - seen >= k_window; seen = received)
      received.wait(seen);
    a.send(ethernet(mac(2), mac(1), std::to_string(i) + std::string(i % 1400, 'x')));
  }
  reader.join();
  EXPECT_EQ(network.counters().at("b").frames_out, k_frames);
}

TEST(VirtualSwitch, DelaysByBothLinksAndNoEarlier) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  network.set_impairment("a", {.latency = 20ms});
  network.set_impairment("b", {.latency = 5ms});
  const auto start = Deadline::Clock::now();
  a.send(k_a_to_b);
  b.receive();
  EXPECT_GE(since(start), 25ms);
  b.send(k_b_to_a);
  a.receive();
  EXPECT_GE(since(start), 50ms);
  EXPECT_EQ(network.impairment("a"), (Impairment{.latency = 20ms}));
}

TEST(VirtualSwitch, HealsALinkForWhatIsOnItsWay) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  network.set_impairment("a", {.latency = 1h});
  a.send(k_a_to_b);
  while (network.counters().at("a").frames_in == 0)
    std::this_thread::yield();
  network.set_impairment("a", {});
  EXPECT_EQ(b.receive(), k_a_to_b);
}

TEST(VirtualSwitch, PartitionsAndHeals) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  Station c(network.plug("c"));
  network.partition({{"a", "b"}, {"c"}});
  const std::string all = ethernet(k_broadcast, mac(1));
  for (int i = 0; i < 100; ++i)
    a.send(all);
  EXPECT_EQ(b.receive(100, testing::patience()).size(), 100U);
  network.heal();
  a.send(k_a_to_b);
  EXPECT_EQ(c.receive(), k_a_to_b);
  EXPECT_EQ(network.counters().at("c").lost_partition, 100U);
  EXPECT_THROW(network.partition({{"a"}, {"a"}}), Error);
  EXPECT_THROW(network.partition({{"x"}}), Error);
}

TEST(VirtualSwitch, HoldsEverythingWhileFrozen) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  network.freeze();
  network.freeze();
  a.send(k_a_to_b);
  network.plug("c");
  network.set_impairment("a", {.mtu = 1000});
  EXPECT_EQ(network.counters().at("a").frames_in, 0U);
  EXPECT_THAT(b.received(), IsEmpty());
  network.thaw();
  network.thaw();
  EXPECT_EQ(b.receive(), k_a_to_b);
}

TEST(VirtualSwitch, CountsNoTimeWhileFrozen) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  network.set_impairment("a", {.latency = 1h});
  a.send(k_a_to_b);
  while (network.counters().at("a").frames_in == 0)
    std::this_thread::yield();
  network.freeze();
  const std::string state = network.state();  // which tells what is left of the hour
  EXPECT_EQ(wait_readable(a.socket(), Deadline::after(10ms)), Wait::timed_out);
  EXPECT_EQ(network.state(), state);
  network.thaw();
  network.freeze();
  EXPECT_NE(network.state(), state);
}

TEST(VirtualSwitch, GoesOnInACopyWhereItWasFrozen) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  Station c(network.plug("c"));
  network.set_impairment("a", {.latency = 20ms});
  network.partition({{"a", "b"}});
  EXPECT_THROW((void)network.state(), Error);
  network.freeze();
  a.send(k_a_to_b);
  b.send(k_b_to_a);
  const std::string state = network.state();
  EXPECT_EQ(network.state(), state);

  VirtualSwitch copy({"net", 1});
  copy.restore(state);
  Station copied_a(copy.plug("a"));
  Station copied_b(copy.plug("b"));
  Station copied_c(copy.plug("c"));
  EXPECT_EQ(copy.state(), state);
  copy.thaw();
  network.thaw();
  for (auto [left, right] : {std::pair{&a, &b}, std::pair{&copied_a, &copied_b}}) {
    EXPECT_EQ(right->receive(), k_a_to_b);
    EXPECT_EQ(left->receive(), k_b_to_a);
  }
  EXPECT_THAT(c.received(), IsEmpty());
  EXPECT_THAT(copied_c.received(), IsEmpty());
  EXPECT_THROW(copy.restore(state), Error);
  EXPECT_THROW(VirtualSwitch({"net", 1}).restore("nonsense"), Error);
}

TEST(VirtualSwitch, EndsTheLinksOfItsMachines) {
  auto network = std::make_unique<VirtualSwitch>(VirtualSwitch::Options{"net", 1});
  const Station a(network->plug("a"));
  const Station b(network->plug("b"));
  network->unplug("a");
  EXPECT_TRUE(a.ends());
  EXPECT_THROW(network->unplug("a"), Error);
  network.reset();
  EXPECT_TRUE(b.ends());
}

void silence(LogLevel, std::string_view) {}

TEST(VirtualSwitch, SurvivesEveryKindOfNonsense) {
  set_log_sink(silence);
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  for (std::uint64_t round = 0; round < 200; ++round) {
    const Station noisy(network.plug("noisy"));
    std::string noise;
    for (std::uint64_t i = 0; i < 5000; ++i)
      noise += static_cast<char>((i * i + round) * 2654435761U >> 13);
    noisy.send_bytes(noise);
    EXPECT_TRUE(noisy.ends());
  }
  a.send(k_a_to_b);
  EXPECT_EQ(b.receive(), k_a_to_b);
  EXPECT_EQ(network.counters().at("noisy").malformed, 200U);
  set_log_sink(nullptr);
}

TEST(VirtualSwitch, CapturesEveryFrameThatPasses) {
  if (!find_program("tshark"))
    GTEST_SKIP() << "tshark is not installed";
  constexpr std::size_t k_frames = 1000;
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "b.pcapng";
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  network.start_capture("b", file);
  for (std::size_t i = 0; i < k_frames; ++i) {
    a.send(k_a_to_b);
    b.send(k_b_to_a);
  }
  EXPECT_EQ(b.receive(k_frames, testing::patience()).size(), k_frames);
  EXPECT_EQ(a.receive(k_frames, testing::patience()).size(), k_frames);
  network.stop_capture("b");
  a.send(k_a_to_b);
  b.receive();
  ProcessSpec tshark{{"tshark", "-n", "-r", file.string(), "-T", "fields", "-e", "eth.src"}};
  tshark.environment = {{{"PATH", "/usr/bin:/bin"}, {"HOME", directory.path().string()}}};
  const std::string read = run_checked(tshark, testing::patience());
  std::map<std::string, std::size_t> frames;
  std::istringstream lines(read);
  for (std::string line; std::getline(lines, line);)
    ++frames[line];
  EXPECT_EQ(frames, (std::map<std::string, std::size_t>{{"02:00:00:00:00:01", k_frames},
                                                        {"02:00:00:00:00:02", k_frames}}));
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

TEST(VirtualSwitch, KeepsNothingOfLinksThatAreGone) {
  VirtualSwitch network({"net", 1});
  const auto cycle = [&](int i) {
    const std::string link = "link " + std::to_string(i);
    Station station(network.plug(link));
    network.set_impairment(link, {.latency = 1h});
    station.send(ethernet(k_broadcast, mac(1), std::string(1400, 'x')));
    while (network.counters().at(link).frames_in == 0)
      std::this_thread::yield();
    network.unplug(link);
  };
  cycle(0);
  const std::size_t descriptors = open_descriptors();
  const std::size_t memory = mallinfo2().uordblks;
  for (int i = 1; i <= 1000; ++i)
    cycle(i);
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LE(mallinfo2().uordblks, memory + 16 * 1024);
  EXPECT_THAT(network.counters(), IsEmpty());
}

TEST(VirtualSwitch, TakesCallsFromManyThreads) {
  VirtualSwitch network({"net", 1});
  Station a(network.plug("a"));
  Station b(network.plug("b"));
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      const std::string mine = "link " + std::to_string(caller);
      for (int i = 0; i < 50; ++i) {
        const FileDescriptor end = network.plug(mine);
        network.set_impairment("a", {.latency = std::chrono::microseconds(i)});
        network.partition({{"a", "b"}, {mine}});
        network.counters();
        network.heal();
        network.unplug(mine);
      }
    });
  for (int i = 0; i < 500; ++i) {
    a.send(k_a_to_b);
    EXPECT_EQ(b.receive(), k_a_to_b);
  }
  for (std::thread& caller : callers)
    caller.join();
}

}  // namespace
}  // namespace nestbox
