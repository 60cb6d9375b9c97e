// The switch at times of our choosing.
#include "harness/net/switch_fabric.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/base/socket_pair.hpp"
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

/// A fabric with stations a, b, c, … of addresses 1, 2, 3, …
class Net {
public:
  explicit Net(std::size_t stations = 3, std::uint64_t seed = 1) : fabric("net", seed) {
    for (std::size_t i = 0; i < stations; ++i)
      plug(std::string(1, static_cast<char>('a' + i)));
  }

  Station& plug(const std::string& link) {
    SocketPair pair;
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    fabric.plug(link, std::move(pair.ours));
    return *m_stations.insert_or_assign(link, std::make_unique<Station>(std::move(pair.theirs)))
                .first->second;
  }

  Station& at(const std::string& link) { return *m_stations.at(link); }

  void send(const std::string& link, const std::string& frame) {
    at(link).send(frame);
    receive(link);
  }
  void receive(const std::string& link) { fabric.receive(fabric.find(link), now); }
  void impair(const std::string& link, const char* impairment) {
    fabric.set_impairment(fabric.find(link), parse_impairment(impairment), now);
  }
  /// Lets each station be heard, so that the fabric knows where it is.
  void introduce() {
    for (const auto& [link, station] : m_stations)
      send(link, ethernet(k_broadcast, mac(static_cast<std::uint8_t>(link[0] - 'a' + 1))));
    for (const auto& [link, station] : m_stations)
      station->received();
  }
  void pass(SwitchTime time) {
    now += time;
    fabric.advance(now);
  }
  LinkCounters count(const std::string& link) { return fabric.counters().at(link); }

  SwitchFabric fabric;
  SwitchTime now{};

private:
  std::map<std::string, std::unique_ptr<Station>> m_stations;
};

const std::string k_a_to_b = ethernet(mac(2), mac(1), "from a to b");
const std::string k_b_to_a = ethernet(mac(1), mac(2), "from b to a");

TEST(SwitchFabric, FloodsWhatItDoesNotKnowAndLearnsFromIt) {
  Net net;
  net.send("a", k_a_to_b);
  EXPECT_THAT(net.at("b").received(), ElementsAre(k_a_to_b));
  EXPECT_THAT(net.at("c").received(), ElementsAre(k_a_to_b));
  EXPECT_THAT(net.at("a").received(), IsEmpty());
  net.send("b", k_b_to_a);
  EXPECT_THAT(net.at("a").received(), ElementsAre(k_b_to_a));
  EXPECT_THAT(net.at("c").received(), IsEmpty());
  net.send("a", k_a_to_b);
  EXPECT_THAT(net.at("b").received(), ElementsAre(k_a_to_b));
  EXPECT_THAT(net.at("c").received(), IsEmpty());
}

TEST(SwitchFabric, SendsGroupsToAllOthers) {
  Net net;
  net.introduce();
  for (const MacAddress& group : {k_broadcast, MacAddress{{0x01, 0x80, 0xc2, 0, 0, 0}}}) {
    const std::string frame = ethernet(group, mac(1));
    net.send("a", frame);
    EXPECT_THAT(net.at("b").received(), ElementsAre(frame));
    EXPECT_THAT(net.at("c").received(), ElementsAre(frame));
    EXPECT_THAT(net.at("a").received(), IsEmpty());
  }
}

TEST(SwitchFabric, NeverSendsBackWhereAFrameCameFrom) {
  Net net;
  net.introduce();
  net.send("a", ethernet(mac(9), mac(1)));
  net.send("a", ethernet(mac(1), mac(9)));
  net.at("b").received();
  net.at("c").received();
  net.send("a", ethernet(mac(9), mac(1)));
  for (const char* link : {"a", "b", "c"})
    EXPECT_THAT(net.at(link).received(), IsEmpty()) << link;
}

TEST(SwitchFabric, FollowsAStationThatMoves) {
  Net net;
  net.introduce();
  net.send("c", ethernet(k_broadcast, mac(2)));
  net.at("a").received();
  net.send("a", k_a_to_b);
  EXPECT_THAT(net.at("c").received(), ElementsAre(k_a_to_b));
}

TEST(SwitchFabric, PassesTagsUntouched) {
  Net net;
  using namespace std::string_literals;
  std::string tagged = k_a_to_b;
  tagged.insert(12, "\x81\x00\x00\x2a"s);
  net.send("a", tagged);
  EXPECT_THAT(net.at("b").received(), ElementsAre(tagged));
}

TEST(SwitchFabric, TakesFramesInAnyPieces) {
  Net net;
  net.introduce();
  std::string stream;
  std::vector<std::string> frames;
  for (std::size_t size : {0, 1, 46, 1500, 9000, 65000}) {
    frames.push_back(ethernet(mac(2), mac(1), std::string(size, 'x')));
    stream += frame_in_stream(frames.back());
  }
  std::vector<std::string> received;
  for (std::size_t i = 0, piece = 1; i < stream.size(); i += piece, piece = piece % 9973 + 97) {
    net.at("a").send_bytes(std::string_view(stream).substr(i, piece));
    net.receive("a");
    net.receive("a");  // nothing has come since: the piece stays
    for (std::string& frame : net.at("b").received())
      received.push_back(std::move(frame));
  }
  EXPECT_EQ(received, frames);
}

TEST(SwitchFabric, CountsWhatPasses) {
  Net net(2);
  net.introduce();
  const LinkCounters before = net.count("b");
  net.send("a", k_a_to_b);
  net.send("a", k_a_to_b);
  EXPECT_EQ(net.count("b").frames_out - before.frames_out, 2U);
  EXPECT_EQ(net.count("b").bytes_out - before.bytes_out, 2 * k_a_to_b.size());
  EXPECT_EQ(net.count("a").frames_in, 3U);
  EXPECT_TRUE(net.count("a").connected);
}

void silence(LogLevel, std::string_view) {}

TEST(SwitchFabric, CutsOffAMachineThatSendsNoFrames) {
  set_log_sink(silence);
  const ScopeExit restore([] { set_log_sink(nullptr); });
  for (const std::string& stream :
       {std::string("\0\0\0\x05hello", 9), std::string("\xff\xff\xff\xff", 4),
        frame_in_stream(std::string(65554, 'x'))}) {
    Net net;
    net.introduce();
    net.at("a").send_bytes(frame_in_stream(k_a_to_b) + stream + frame_in_stream(k_a_to_b));
    net.receive("a");
    EXPECT_EQ(net.count("a").malformed, 1U);
    EXPECT_FALSE(net.count("a").connected);
    EXPECT_TRUE(net.at("a").ends());
    EXPECT_THAT(net.at("b").received(), ElementsAre(k_a_to_b));
    const std::string to_c = ethernet(mac(3), mac(2));
    net.send("b", to_c);
    EXPECT_THAT(net.at("c").received(), ElementsAre(to_c));
  }
}

TEST(SwitchFabric, KeepsTheLinkOfAMachineThatLeaves) {
  Net net(2);
  net.introduce();
  net.impair("b", "latency=1ms");
  net.at("b").leave();
  net.receive("b");
  EXPECT_FALSE(net.count("b").connected);
  net.send("a", k_a_to_b);
  EXPECT_EQ(net.count("b").lost_down, 1U);
  net.plug("b");
  EXPECT_TRUE(net.count("b").connected);
  EXPECT_EQ(net.fabric.impairment(net.fabric.find("b")).latency, 1ms);
  EXPECT_THROW(net.plug("b"), Error);
}

TEST(SwitchFabric, LosesOnlyForAMachineThatDoesNotRead) {
  Net net;
  net.introduce();
  const std::string large = ethernet(mac(2), mac(1), std::string(1400, 'x'));
  for (int i = 0; i < 3000; ++i)
    net.send("a", large);
  const LinkCounters stuck = net.count("b");
  EXPECT_GT(stuck.lost_backpressure, 1000U);
  const std::string to_c = ethernet(mac(3), mac(1));
  net.send("a", to_c);
  EXPECT_THAT(net.at("c").received(), ElementsAre(to_c));
  // What was not lost comes whole once it reads again.
  std::size_t received = 0;
  while (true) {
    const auto frames = net.at("b").received();
    if (frames.empty() && !net.fabric.is_waiting(net.fabric.find("b")))
      break;
    for (const std::string& frame : frames)
      EXPECT_EQ(frame, large);
    received += frames.size();
    net.fabric.resume(net.fabric.find("b"));
  }
  EXPECT_EQ(received + net.count("b").lost_backpressure, 3000U);
  EXPECT_EQ(net.count("b").frames_out - 1, received + 1);  // and the other two's introductions
}

TEST(SwitchFabric, AddsUpTheLatenciesOfBothLinks) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=20ms");
  net.impair("b", "latency=5ms");
  net.send("a", k_a_to_b);
  EXPECT_EQ(net.fabric.next_arrival(), 20ms);
  net.pass(20ms);
  EXPECT_EQ(net.fabric.next_arrival(), 25ms);
  EXPECT_THAT(net.at("b").received(), IsEmpty());
  net.pass(5ms);
  EXPECT_THAT(net.at("b").received(), ElementsAre(k_a_to_b));
  net.send("b", k_b_to_a);
  net.pass(24ms);
  net.pass(999us);
  EXPECT_THAT(net.at("a").received(), IsEmpty());
  net.pass(1us);
  EXPECT_THAT(net.at("a").received(), ElementsAre(k_b_to_a));
}

TEST(SwitchFabric, LosesItsShareOfTenThousandFrames) {
  Net net(2);
  net.introduce();
  net.impair("b", "loss=10%");
  std::size_t received = 0;
  for (int i = 0; i < 10'000; ++i) {
    net.send("a", k_a_to_b);
    received += net.at("b").received().size();
  }
  EXPECT_GE(received, 8900U);
  EXPECT_LE(received, 9100U);
  EXPECT_EQ(net.count("b").lost_loss, 10'000 - received);
}

TEST(SwitchFabric, RepeatsARunWithTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    Net net(2, seed);
    net.introduce();
    net.impair("a", "loss=20% duplicate=20% latency=10ms jitter=5ms reorder=20%");
    std::vector<std::string> received;
    for (int i = 0; i < 300; ++i) {
      net.send("a", ethernet(mac(2), mac(1), std::to_string(i)));
      net.pass(1ms);
    }
    net.pass(1s);
    return net.at("b").received();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SwitchFabric, CountsDuplicatesAndOvertakers) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=10ms duplicate=100%");
  net.send("a", k_a_to_b);
  net.impair("a", "latency=10ms reorder=100%");
  net.send("a", ethernet(mac(2), mac(1), "early"));
  net.pass(10ms);
  EXPECT_THAT(net.at("b").received(),
              ElementsAre(ethernet(mac(2), mac(1), "early"), k_a_to_b, k_a_to_b));
  EXPECT_EQ(net.count("a").duplicated, 1U);
  EXPECT_EQ(net.count("a").reordered, 1U);
}

TEST(SwitchFabric, LosesWhatIsOnItsWayWhenALinkGoesDown) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=10ms");
  net.send("a", k_a_to_b);
  net.impair("a", "down");
  net.pass(1s);
  EXPECT_THAT(net.at("b").received(), IsEmpty());
  EXPECT_EQ(net.count("a").lost_down, 1U);
  net.send("b", k_b_to_a);
  EXPECT_THAT(net.at("a").received(), IsEmpty());
  net.impair("a", "none");
  net.send("a", k_a_to_b);
  EXPECT_THAT(net.at("b").received(), ElementsAre(k_a_to_b));
}

TEST(SwitchFabric, DoesNotOvertakeWhatIsOnItsWayWhenALinkHeals) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=10s");
  net.send("a", ethernet(mac(2), mac(1), "first"));
  net.pass(1ms);
  net.impair("a", "none");
  net.pass(0ms);
  net.send("a", ethernet(mac(2), mac(1), "second"));
  EXPECT_THAT(net.at("b").received(),
              ElementsAre(ethernet(mac(2), mac(1), "first"), ethernet(mac(2), mac(1), "second")));
}

TEST(SwitchFabric, PassesNothingAcrossAPartition) {
  Net net(5);
  net.introduce();
  const auto link = [&](const char* name) { return net.fabric.find(name); };
  net.fabric.partition({{link("a"), link("b")}, {link("c")}});
  const std::string all = ethernet(k_broadcast, mac(1));
  net.send("a", all);
  net.send("a", k_a_to_b);
  net.send("a", ethernet(mac(3), mac(1)));
  EXPECT_THAT(net.at("b").received(), ElementsAre(all, k_a_to_b));
  for (const char* other : {"c", "d", "e"})
    EXPECT_THAT(net.at(other).received(), IsEmpty()) << other;
  // Those that are in no group are one more.
  const std::string d_to_e = ethernet(mac(5), mac(4));
  net.send("d", d_to_e);
  EXPECT_THAT(net.at("e").received(), ElementsAre(d_to_e));
  EXPECT_EQ(net.count("c").lost_partition, 2U);
  net.fabric.partition({});
  net.send("a", all);
  EXPECT_THAT(net.at("c").received(), ElementsAre(all));
}

TEST(SwitchFabric, PartitionsWhatIsOnItsWay) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=10ms");
  net.send("a", k_a_to_b);
  net.impair("b", "latency=10ms");
  net.pass(5ms);
  net.send("b", k_b_to_a);  // one on each link
  net.fabric.partition({{net.fabric.find("a")}});
  net.pass(1s);
  EXPECT_THAT(net.at("a").received(), IsEmpty());
  EXPECT_THAT(net.at("b").received(), IsEmpty());
  EXPECT_EQ(net.count("a").lost_partition + net.count("b").lost_partition, 2U);
}

TEST(SwitchFabric, PartitionsWhatWaitsForASlowMachine) {
  Net net(3);
  net.introduce();
  const std::string large = ethernet(mac(2), mac(1), std::string(1400, 'x'));
  while (!net.fabric.is_waiting(net.fabric.find("b")))
    net.send("a", large);
  const std::string from_c = ethernet(mac(2), mac(3), "from c");
  const std::string late = ethernet(mac(2), mac(1), "late");
  net.send("a", late);
  net.send("c", from_c);
  net.fabric.partition({{net.fabric.find("b"), net.fabric.find("c")}});
  std::vector<std::string> received;
  while (net.fabric.is_waiting(net.fabric.find("b"))) {
    for (std::string& frame : net.at("b").received())
      received.push_back(std::move(frame));
    net.fabric.resume(net.fabric.find("b"));
  }
  for (std::string& frame : net.at("b").received())
    received.push_back(std::move(frame));
  EXPECT_EQ(received.back(), from_c);
  EXPECT_THAT(received, ::testing::Not(::testing::Contains(late)));
}

TEST(SwitchFabric, BoundsWhatIsDelayed) {
  Net net(2);
  net.introduce();
  net.impair("a", "latency=3600s");
  const std::string large = ethernet(mac(2), mac(1), std::string(60'000, 'x'));
  for (int i = 0; i < 100; ++i)
    net.send("a", large);
  EXPECT_EQ(net.count("a").lost_queue, 100U - 69U);
  net.fabric.unplug(net.fabric.find("a"));
  EXPECT_EQ(net.fabric.next_arrival(), std::nullopt);
}

TEST(SwitchFabric, GivesACopyEverythingItNeeds) {
  Net net(3);
  net.introduce();
  net.impair("a", "latency=20ms");
  net.fabric.partition({{net.fabric.find("a"), net.fabric.find("b")}});
  net.send("a", k_a_to_b);
  net.pass(5ms);
  net.at("b").send(k_b_to_a);  // not received yet
  const SwitchState state = net.fabric.state(net.now);

  Net copy(0);
  copy.now = 1h;
  copy.fabric.restore(decode_switch_state(encode(state)), copy.now);
  for (const char* link : {"a", "b", "c"})
    copy.plug(link);
  EXPECT_EQ(copy.fabric.state(copy.now), state);
  for (Net* each : {&net, &copy}) {
    each->pass(0ms);
    EXPECT_EQ(*each->fabric.next_arrival() - each->now, 15ms);
    each->pass(15ms);
    EXPECT_THAT(each->at("b").received(), ElementsAre(k_a_to_b));
    each->pass(5ms);
    EXPECT_THAT(each->at("a").received(), ElementsAre(k_b_to_a));
    EXPECT_THAT(each->at("c").received(), IsEmpty());
    each->send("c", ethernet(k_broadcast, mac(3)));
    EXPECT_EQ(each->count("b").lost_partition, 1U);
  }
}

TEST(SwitchFabric, GivesACopyWhatWaitsForASlowMachine) {
  Net net(2);
  net.introduce();
  const std::string large = ethernet(mac(2), mac(1), std::string(1400, 'x'));
  while (net.count("b").lost_backpressure == 0)
    net.send("a", large);
  const SwitchState state = net.fabric.state(net.now);
  ASSERT_GT(state.frames.size(), 100U);

  Net copy(0);
  copy.fabric.restore(state, copy.now);
  Station& b = copy.plug("b");
  copy.pass(0ms);
  std::size_t received = 0;
  while (copy.fabric.is_waiting(copy.fabric.find("b"))) {
    received += b.received().size();
    copy.fabric.resume(copy.fabric.find("b"));
  }
  EXPECT_EQ(received + b.received().size(), state.frames.size());
}

TEST(SwitchFabric, RestoresOnlyWhenItIsEmpty) {
  Net net(1);
  EXPECT_THROW(net.fabric.restore({}, 0ms), Error);
}

TEST(SwitchFabric, NamesTheLinkThatIsNotThere) {
  Net net(0);
  net.plug("web.lan");
  try {
    net.fabric.find("wbe.lan");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.render(),
              "error: there is no link 'wbe.lan' on network 'net'\nhint: did you mean 'web.lan'?");
  }
}

TEST(SwitchFabric, HasRoomFor128Links) {
  Net net(0);
  for (int i = 0; i < 128; ++i)
    net.plug(std::to_string(i));
  EXPECT_THROW(net.plug("one more"), Error);
  net.fabric.unplug(net.fabric.find("7"));
  EXPECT_NO_THROW(net.plug("one more"));
  EXPECT_THROW(net.plug(""), Error);
}

}  // namespace
}  // namespace nestbox
