// Real worlds of tiny machines on our own switches.
#include <gmock/gmock.h>

#include "tests/functional/world_fixture.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

constexpr const char* k_trio = R"(
topologies:
  world:
    networks:
      lan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
      c: {environment: tiny, networks: [lan]}
)";

class Worlds : public WorldFixture {
protected:
  bool reaches(World& world, const std::string& from, const std::string& to) {
    return verb(world, "exec " + from + " -- ping -c 1 -W 5 " + to).code == 0;
  }
};

TEST_F(Worlds, ResolveAndReachEveryName) {
  const auto world = make(*prepare(k_trio), "names");
  for (const char* from : {"a", "b", "c"})
    for (const char* to : {"a", "b", "c"})
      EXPECT_TRUE(reaches(*world, from, to)) << from << " to " << to;
  EXPECT_EQ(verb(*world, "exec a,b,c -- hostname").code, 0);
  EXPECT_EQ(shell(world->machine("b"), "hostname; cat /sys/class/net/eth0/address"),
            "b\n52:54:00:00:01:02\n");
  EXPECT_EQ(world->machine("b").spec().name, "names-b");
}

TEST_F(Worlds, LoseAllAcrossAPartitionAndNoneWithin) {
  const auto world = make(*prepare(k_trio), "cut");
  verb(*world, "exec a -- ping -c 1 b");
  verb(*world, "net partition a,b | c");
  EXPECT_TRUE(reaches(*world, "a", "b"));
  EXPECT_TRUE(reaches(*world, "b", "a"));
  EXPECT_FALSE(reaches(*world, "a", "c"));
  EXPECT_FALSE(reaches(*world, "c", "b"));
  EXPECT_THAT(verb(*world, "net show").text, HasSubstr("partition: a,b | c"));
  verb(*world, "net heal");
  EXPECT_TRUE(reaches(*world, "a", "c"));
}

}  // namespace
}  // namespace nestbox
