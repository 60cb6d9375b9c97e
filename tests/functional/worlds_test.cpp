// Real worlds of tiny machines on our own switches.
#include <gmock/gmock.h>
#include <unistd.h>

#include <sstream>

#include "harness/base/text.hpp"
#include "harness/env/world_watch.hpp"
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
    return verb(world, "exec " + from + " -- ping -c 1 -W 10 " + to).code == 0;
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
  // The first packets may still wait for an answer to what was asked across the partition.
  EXPECT_EQ(verb(*world, "wait-for a output ttl= -- ping -c 1 -W 1 c").code, 0);
}

TEST_F(Worlds, NameTheMachineThatPanicsAndEndTheOthers) {
  const auto world = make(*prepare(k_trio), "panic");
  try {
    while_all_live(*world, {}, [&](const CancelToken& cancel) {
      world->machine("b").transport().run(
          {.argv = {"sh", "-c", "(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &"},
           .leaves_running = true},
          {}, soon(), cancel);
      world->machine("a").transport().run({.argv = {"sleep", "1000"}}, {}, soon(), cancel);
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::lost);
    EXPECT_THAT(error.message, HasSubstr("machine 'b': its kernel panicked"));
  }
  EXPECT_THAT(verb(*world, "machines").text, HasSubstr("b  panicked"));
}

/// What this process has open, and what it has started.
struct Belongings {
  std::size_t descriptors = 0;
  std::size_t children = 0;
  std::size_t files = 0;
  long memory = 0;  ///< KiB resident
};

Belongings belongings() {
  const auto count = [](const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  };
  Belongings now;
  now.descriptors = count("/proc/self/fd");
  for (const auto& task : fs::directory_iterator("/proc/self/task"))
    now.children += split(trim(read_file(task.path() / "children")), ' ').size() - 1;
  now.files = count(fs::temp_directory_path());
  std::istringstream status(read_file("/proc/self/statm"));
  status >> now.memory >> now.memory;
  now.memory *= ::sysconf(_SC_PAGESIZE) / 1024;
  return now;
}

TEST_F(Worlds, LeaveNothingBehind) {
  // A folder of our own, for others use the common one at the same time.
  const TemporaryDirectory temporary;
  ::setenv("TMPDIR", temporary.path().c_str(), 1);
  const auto topology = prepare(k_trio);
  const auto fork_once = [&](int number) {
    const auto world = make(*topology, "leave-" + std::to_string(number));
    EXPECT_EQ(verb(*world, "exec a -- ping -c 1 c").code, 0);
  };
  for (int number = 0; number < 3; ++number)
    fork_once(number);
  const Belongings before = belongings();
  for (int number = 3; number < 20; ++number)
    fork_once(number);
  const Belongings after = belongings();
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.children, before.children);
  EXPECT_EQ(after.files, before.files);
  EXPECT_LT(after.memory, before.memory + 1024);
}

}  // namespace
}  // namespace nestbox
