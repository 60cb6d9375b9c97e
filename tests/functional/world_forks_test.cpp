// Set-up worlds, saved at one instant and forked.
#include <gmock/gmock.h>

#include "tests/functional/world_fixture.hpp"
#include "tests/support/log_recorder.hpp"

namespace nestbox {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// `nonce` is the name, and makes it a world of its own in the tests' shared cache.
std::string pair_with_setup(const std::string& nonce) {
  return R"(
topologies:
  )" + nonce
         + R"(:
    networks:
      lan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
    setup:
      - {on: a, run: "echo )"
         + nonce + R"( > /tmp/made; ping -c 1 b"}
      - {on: b, run: "(while :; do echo from-setup | nc -l -p 8080; done) > /dev/null 2>&1 &"}
      - wait-for: b port 8080
)";
}

class WorldForks : public WorldFixture {
protected:
  std::shared_ptr<PreparedTopology> prepared() { return prepare(pair_with_setup("shared")); }
};

TEST_F(WorldForks, KeepFilesProcessesAndConnections) {
  const auto topology = prepared();
  const auto world = make(*topology, "kept");
  EXPECT_EQ(shell(world->machine("a"), "cat /tmp/made; hostname"), "shared\na\n");
  EXPECT_EQ(shell(world->machine("a"), "nc b 8080 < /dev/null"), "from-setup\n");
  EXPECT_EQ(world->machine("a").spec().name, "kept-a");
}

TEST_F(WorldForks, DeliverWhatWasOnItsWayWhenTheyWereSaved) {
  const auto topology = prepare(R"(
topologies:
  flight:
    networks:
      lan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
    setup:
      - {on: a, run: ping -c 1 b}
      - net: set a latency=3600s
      - {on: a, run: "! ping -c 2 -W 1 b"}
)");
  // How many echo requests a machine has got.
  const std::string echos = R"(awk '/^Icmp:/ && $10 ~ /^[0-9]/ {print "got", $10}' /proc/net/snmp)";
  for (const char* run : {"one", "two"}) {
    const auto world = make(*topology, run);
    EXPECT_EQ(shell(world->machine("b"), echos), "got 1\n") << "the others take an hour";
    verb(*world, "net reset a");
    shell(world->machine("b"), "cat > /tmp/echos << 'END'\n" + echos + "\nEND\n");
    EXPECT_EQ(verb(*world, "wait-for b output 'got 3' -- sh /tmp/echos").code, 0);
  }
}

TEST_F(WorldForks, AreMadeOnce) {
  const std::string yaml = pair_with_setup("once");
  prepare(yaml);
  const auto builds = [&] {
    return std::count_if(progress().activities.begin(), progress().activities.end(),
                         [](const std::string& activity) {
                           return activity.find("setup of topology") != std::string::npos;
                         });
  };
  const auto before = builds();
  make(*prepare(yaml), "again");
  EXPECT_EQ(builds(), before);
}

TEST_F(WorldForks, SideBySideNeverMeet) {
  const auto topology = prepared();
  const auto one = make(*topology, "one");
  const auto two = make(*topology, "two");
  shell(one->machine("b"), "ip addr add 10.90.0.77/24 dev eth0");
  EXPECT_EQ(verb(*one, "exec a -- ping -c 1 -W 5 10.90.0.77").code, 0);
  EXPECT_NE(verb(*two, "exec a -- ping -c 1 -W 2 10.90.0.77").code, 0);
  EXPECT_EQ(verb(*two, "exec a -- ping -c 1 -W 5 b").code, 0);
  EXPECT_EQ(shell(one->machine("a"), "cat /sys/class/net/eth0/address"),
            shell(two->machine("a"), "cat /sys/class/net/eth0/address"));
  EXPECT_NE(shell(one->machine("a"), "cat /etc/machine-id"),
            shell(two->machine("a"), "cat /etc/machine-id"));
}

TEST_F(WorldForks, AreMadeAnewWhenTheSavedOneIsGone) {
  const auto topology = prepare(pair_with_setup("gone"));
  for (const LayerInfo& layer : cache().list())
    if (layer.description == "topology 'gone'")
      cache().drop(layer.key);
  const LogRecorder log;
  const auto world = make(*topology, "again");
  EXPECT_EQ(shell(world->machine("a"), "cat /tmp/made"), "gone\n");
  EXPECT_THAT(log.lines(), Contains(HasSubstr("is made anew")));
}

TEST_F(WorldForks, FreshBootsAndSetsUpAgain) {
  const auto world = prepared()->world(
      {.run_name = "fresh", .seed = 1, .isolation = Isolation::fresh}, soon(), {});
  EXPECT_EQ(shell(world->machine("a"), "cat /tmp/made; nc b 8080 < /dev/null"),
            "shared\nfrom-setup\n");
}

TEST_F(WorldForks, NameTheStepOfTheSetupThatFails) {
  try {
    prepare(R"(
topologies:
  world:
    machines:
      a: {environment: tiny}
    setup:
      - {on: a, run: "echo it is broken >&2; exit 7"}
)");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message, HasSubstr("step 1: exec a"));
    EXPECT_THAT(error.message, HasSubstr("failed: exit code 7\nit is broken"));
  }
}

TEST_F(WorldForks, NameTheMachineThatPanicsInTheSetup) {
  try {
    prepare(R"(
topologies:
  world:
    machines:
      a: {environment: tiny}
      b: {environment: tiny}
    setup:
      - {on: b, run: "(sleep 1; echo c > /proc/sysrq-trigger) &"}
      - {on: a, run: "sleep 1000"}
)");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("machine 'b': its kernel panicked"));
    EXPECT_THAT(error.message, HasSubstr("sysrq triggered crash"));
  }
}

}  // namespace
}  // namespace nestbox
