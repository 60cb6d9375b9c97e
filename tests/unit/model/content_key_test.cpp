#include "harness/model/content_key.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace nestbox {
namespace {

TEST(ContentKey, DiffersByKindAndContent) {
  EXPECT_EQ(content_key(RunStep{"a"}), content_key(RunStep{"a"}));
  EXPECT_NE(content_key(RunStep{"a"}), content_key(RunStep{"b"}));
  EXPECT_NE(content_key(RunStep{"a"}), content_key(CopyStep{"x", "a"}, ""));
}

TEST(ContentKey, TakesCopiedFilesByTheirContent) {
  EXPECT_EQ(content_key(CopyStep{"old-name", "/a"}, "hash"),
            content_key(CopyStep{"new-name", "/a"}, "hash"));
  EXPECT_NE(content_key(CopyStep{"x", "/a"}, "one"), content_key(CopyStep{"x", "/a"}, "other"));
  EXPECT_NE(content_key(CopyStep{"x", "/a"}, "hash"), content_key(CopyStep{"x", "/b"}, "hash"));
}

Topology duo() {
  Topology topology;
  topology.name = "duo";
  topology.networks.resize(1);
  topology.networks[0].name = "lan";
  topology.networks[0].subnets = {"10.90.0.0/24"};
  topology.machines.resize(2);
  topology.machines[0].name = "a";
  topology.machines[0].links = {{"lan", {"10.90.0.1/24"}, device_mac(0, 0)}};
  topology.machines[1].name = "b";
  topology.setup = {{ExecVerb{{"a"}, {}, {}, {}, {"x"}}, {}},
                    {CopyVerb{{{}, "files"}, {{"a"}, "/srv"}}, {}}};
  return topology;
}

std::string key(const Topology& topology, const std::string& environment = "env",
                const std::string& content = "content") {
  return content_key(topology, {environment, "env"}, {"", content});
}

TEST(ContentKey, OfATopologyChangesWithAllThatMakesItsWorld) {
  const std::vector<std::function<void(Topology&)>> changes = {
      [](Topology& t) { t.networks[0].name = "wan"; },
      [](Topology& t) { t.networks[0].subnets = {"10.1.0.0/24"}; },
      [](Topology& t) { t.networks[0].impair.down = true; },
      [](Topology& t) { t.networks[0].mtu = 1400; },
      [](Topology& t) { t.machines[0].name = "c"; },
      [](Topology& t) { t.machines[0].links[0].addresses = {"10.90.0.2/24"}; },
      [](Topology& t) { t.machines[0].links.clear(); },
      [](Topology& t) { t.machines[0].memory = mebibytes(64); },
      [](Topology& t) { t.machines[0].cores = 2; },
      [](Topology& t) { t.machines[0].network = NetworkAccess::user; },
      [](Topology& t) { t.machines[0].after = {"b"}; },
      [](Topology& t) { std::swap(t.machines[0], t.machines[1]); },
      [](Topology& t) { std::get<ExecVerb>(t.setup[0].verb).command = {"y"}; },
      [](Topology& t) { std::get<CopyVerb>(t.setup[1].verb).to.path = "/x"; },
  };
  std::set<std::string> keys = {key(duo()), key(duo(), "other"), key(duo(), "env", "other")};
  for (const auto& change : changes) {
    Topology topology = duo();
    change(topology);
    keys.insert(key(topology));
  }
  EXPECT_EQ(keys.size(), 3 + changes.size());
}

TEST(ContentKey, OfATopologyStaysWhenOnlyNamesAndPlacesChange) {
  Topology topology = duo();
  topology.name = "renamed";
  topology.where = SourceLocation{"nestbox.yml", 9, 1, {}};
  std::get<CopyVerb>(topology.setup[1].verb).from.path = "moved";
  EXPECT_EQ(key(topology), key(duo()));
}

}  // namespace
}  // namespace nestbox
