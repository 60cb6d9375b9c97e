#include "harness/model/topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/filesystem.hpp"
#include "harness/model/definition_loader.hpp"
#include "harness/model/verb_parser.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Definition load(const std::string& yaml) {
  auto definition = load_definition("version: 1\n" + yaml, "nestbox.yml");
  if (!definition)
    throw std::runtime_error(definition.error().errors.front().render());
  return std::move(*definition);
}

const char* const k_trio = R"(
topologies:
  trio:
    networks:
      lan: {}
      wan: {subnet: 192.0.2.0/24, impair: latency=20ms loss=1%, mtu: 1400}
    machines:
      a: {environment: debian, networks: [lan]}
      b: {environment: debian, networks: {lan: 10.90.0.50, wan: auto}}
      c: {environment: tiny, networks: [lan, wan], after: [a, b], memory: 512MiB, cores: 2, network: user}
    setup:
      - {on: [a, b, c], run: echo hello}
      - {on: a, copy: {from: files/, to: /srv}}
      - wait-for: b port 8080
)";

std::vector<std::string> texts(const std::vector<WorldStep>& steps) {
  std::vector<std::string> texts;
  for (const WorldStep& step : steps)
    texts.push_back(to_string(step.verb));
  return texts;
}

std::vector<std::string> addresses(const Topology& topology, std::string_view machine) {
  std::vector<std::string> addresses;
  for (const TopologyLink& link : find_machine(topology, machine)->links)
    addresses.insert(addresses.end(), link.addresses.begin(), link.addresses.end());
  return addresses;
}

TEST(Topology, IsReadWhole) {
  Definition definition = load(k_trio);
  const Topology& trio = definition.topologies.at("trio");
  Topology expected;
  expected.name = "trio";
  TopologyNetwork lan;
  lan.name = "lan";
  lan.subnets = {"10.90.0.0/24"};
  TopologyNetwork wan;
  wan.name = "wan";
  wan.subnets = {"192.0.2.0/24"};
  wan.impair.latency = 20ms;
  wan.impair.loss = 0.01;
  wan.mtu = 1400;
  expected.networks = {lan, wan};
  TopologyMachine a;
  a.name = "a";
  a.environment = "debian";
  a.links = {{"lan", {"10.90.0.1/24"}, "52:54:00:00:01:01"}};
  TopologyMachine b;
  b.name = "b";
  b.environment = "debian";
  b.links = {{"lan", {"10.90.0.50/24"}, "52:54:00:00:01:02"},
             {"wan", {"192.0.2.1/24"}, "52:54:00:00:02:02"}};
  TopologyMachine c;
  c.name = "c";
  c.environment = "tiny";
  c.links = {{"lan", {"10.90.0.2/24"}, "52:54:00:00:01:03"},
             {"wan", {"192.0.2.2/24"}, "52:54:00:00:02:03"}};
  c.after = {"a", "b"};
  c.memory = mebibytes(512);
  c.cores = 2;
  c.network = NetworkAccess::user;
  expected.machines = {a, b, c};
  expected.setup = {
      {ExecVerb{{"a", "b", "c"}, {}, {}, {}, {"/bin/sh", "-e", "-c", "echo hello"}}, {}},
      {CopyVerb{{{}, "files/"}, {{"a"}, "/srv"}}, {}},
      {WaitForVerb{{"b"}, PortOpen{8080}}, {}},
  };
  EXPECT_EQ(trio, expected);
  EXPECT_EQ(trio.where->line, 4);
  EXPECT_EQ(trio.machines[1].where->line, 10);
  EXPECT_EQ(trio.setup[2].where->line, 15);
}

TEST(Topology, GivesAddressesInTheOrderWritten) {
  Definition definition = load(R"(
topologies:
  t:
    networks: {one: , two: {subnet: [fd00:7::/64, 10.7.0.0/30]}, three: {subnet: fd00:8::/120}}
    machines:
      z: {networks: {two: 10.7.0.1, three: [fd00:8::1]}}
      y: {networks: {three: , two: [fd00:7::1], one: 10.90.0.1}}
      x: {networks: [one, three]}
      w:
)");
  const Topology& topology = definition.topologies.at("t");
  EXPECT_THAT(topology.networks[1].subnets, ElementsAre("10.7.0.0/30", "fd00:7::/64"));
  EXPECT_THAT(addresses(topology, "z"),
              ElementsAre("10.7.0.1/30", "fd00:7::2/64", "fd00:8::1/120"));
  EXPECT_THAT(addresses(topology, "y"),
              ElementsAre("fd00:8::2/120", "10.7.0.2/30", "fd00:7::1/64", "10.90.0.1/24"));
  EXPECT_THAT(addresses(topology, "x"), ElementsAre("10.90.0.2/24", "fd00:8::3/120"));
  EXPECT_THAT(addresses(topology, "w"), IsEmpty());
}

TEST(Topology, ChoosesSubnetsThatOverlapWithNone) {
  Definition definition = load(R"(
topologies:
  t:
    networks: {one: , two: , given: {subnet: 10.90.0.0/23}, three: }
    machines: {a: {networks: [one, two, three]}}
)");
  std::vector<std::string> subnets;
  for (const TopologyNetwork& network : definition.topologies.at("t").networks)
    subnets.insert(subnets.end(), network.subnets.begin(), network.subnets.end());
  EXPECT_THAT(subnets, ElementsAre("10.90.2.0/24", "10.90.3.0/24", "10.90.0.0/23", "10.90.4.0/24"));
}

TEST(Topology, NamesMachinesAsEachOfThemSeesThem) {
  Definition definition = load(k_trio);
  const Topology& trio = definition.topologies.at("trio");
  EXPECT_THAT(host_entries(trio, "a"),
              ElementsAre("10.90.0.1 a a.lan", "10.90.0.50 b b.lan", "192.0.2.1 b.wan",
                          "10.90.0.2 c c.lan", "192.0.2.2 c.wan"));
  Definition chain = load(R"(
topologies:
  chain:
    networks: {left: {subnet: [10.1.0.0/24, fd00:1::/64]}, right: {subnet: 10.2.0.0/24}}
    machines:
      a: {networks: [left]}
      router: {networks: [left, right]}
      b: {networks: [right]}
      alone:
)");
  const Topology& topology = chain.topologies.at("chain");
  EXPECT_THAT(host_entries(topology, "b"),
              ElementsAre("10.1.0.1 a a.left", "fd00:1::1 a a.left", "10.1.0.2 router.left",
                          "fd00:1::2 router.left", "10.2.0.1 router router.right",
                          "10.2.0.2 b b.right"));
  EXPECT_THAT(host_entries(topology, "alone"), testing::Contains("10.1.0.2 router router.left"));
}

TEST(Topology, GivesAMachineItsEnvironmentsNetworkAccessAndDefaults) {
  Definition definition = load(R"(
environments: {out: {network: user}, lab: }
defaults: {environment: lab, topology: t}
topologies:
  t:
    machines: {a: {environment: out}, b: {environment: out, network: none}, c: }
)");
  const Topology& topology = definition.topologies.at("t");
  EXPECT_EQ(topology.machines[0].network, NetworkAccess::user);
  EXPECT_EQ(topology.machines[1].network, NetworkAccess::none);
  EXPECT_EQ(topology.machines[2].environment, "lab");
  TopologyMachine big;
  big.memory = gibibytes(2);
  big.cores = 3;
  Environment sized_out = sized(definition.environments.at("out"), big);
  EXPECT_EQ(sized_out.memory, gibibytes(2));
  EXPECT_EQ(sized_out.cores, 3);
  EXPECT_EQ(sized_out.network, NetworkAccess::none);
}

TEST(Topology, IsTheWorldOfATest) {
  Definition definition = load(std::string(k_trio) + R"(
tests:
  first: {topology: trio, run: ./a}
  second: {topology: trio, run: ./a, from: c, needs: {nested: true}}
  host: {topology: trio, run: [./a, b], from: host}
  none: ./b
  cut:
    topology: trio
    steps:
      - {on: [a, b], run: ./on-both.sh, timeout: 30s, env: {A: b}}
      - {on: "a,c", run: [ls, ""]}
      - wait-for: a port 8080 --timeout 20s
      - net: partition a,b | c
      - net: "set c@lan latency=50ms loss=5%"
      - net: heal
      - net: capture a@lan a.pcapng
      - copy: a:/etc/hostname b:/tmp/x
      - copy: a:/var/log 'all logs'
      - {on: b, copy: {from: x, to: /x}}
)");
  const std::vector<nestbox::Test>& tests = definition.tests;
  EXPECT_EQ(tests[0].topology, "trio");
  EXPECT_EQ(tests[0].from, "a");
  EXPECT_TRUE(tests[0].needs.machine);
  EXPECT_EQ(tests[1].from, "c");
  EXPECT_TRUE(tests[1].needs.nested);
  EXPECT_EQ(tests[2].from, k_from_host);
  EXPECT_THAT(tests[2].command, ElementsAre("./a", "b"));
  EXPECT_FALSE(tests[3].topology);
  EXPECT_FALSE(tests[3].needs.machine);
  EXPECT_THAT(tests[4].command, IsEmpty());
  EXPECT_EQ(tests[4].from, "");
  EXPECT_THAT(texts(tests[4].steps),
              ElementsAre("exec a,b --timeout 30s --env A=b -- /bin/sh -c ./on-both.sh",
                          "exec a,c -- ls ''", "wait-for a port 8080 --timeout 20s",
                          "net partition a,b '|' c", "net set c@lan latency=50ms loss=5%",
                          "net heal", "net capture a@lan a.pcapng", "copy a:/etc/hostname b:/tmp/x",
                          "copy a:/var/log 'all logs'", "copy x b:/x"));
}

TEST(Topology, OfTheDefaultsHoldsUntilATestSaysOtherwise) {
  Definition definition = load(std::string(k_trio) + R"(
  duo: {machines: {x: , y: }}
defaults: {topology: trio, from: b}
tests:
  as-is: x
  other: {run: x, topology: duo}
  host: {run: x, from: host}
  machine: {run: x, environment: tiny, needs: {memory: 1GiB}}
)");
  EXPECT_EQ(definition.tests[0].topology, "trio");
  EXPECT_EQ(definition.tests[0].from, "b");
  EXPECT_EQ(definition.tests[1].from, "x");
  EXPECT_EQ(definition.tests[2].from, "host");
  EXPECT_FALSE(definition.tests[3].topology);
  EXPECT_EQ(definition.tests[3].from, "");
  EXPECT_FALSE(definition.tests[3].needs.machine);
  EXPECT_EQ(definition.defaults.topology, "trio");
}

TEST(Topology, IsDrivenFromAContainerWhenATestSaysSo) {
  Definition definition = load(std::string(k_trio) + R"(
defaults: {topology: trio, from: {container: tiny}}
tests:
  as-is: x
  host: {run: x, from: host}
  machine: {run: x, environment: tiny}
  steps: {steps: [{net: heal}]}
)");
  EXPECT_EQ(definition.tests[0].from, k_from_host);
  EXPECT_EQ(definition.tests[0].container, "tiny");
  EXPECT_EQ(definition.tests[1].from, k_from_host);
  for (const std::size_t other : {1, 2, 3})
    EXPECT_EQ(definition.tests[other].container, std::nullopt) << other;
}

TEST(Topology, IsNamedByAScriptsHeader) {
  Definition definition = load(k_trio);
  auto script =
      load_script_header("#!/bin/sh\n# nestbox: topology=trio from=host\n", "a.sh", definition);
  ASSERT_TRUE(script);
  EXPECT_EQ(script->topology, "trio");
  EXPECT_EQ(script->from, "host");
  EXPECT_TRUE(script->needs.machine);

  auto wrong = load_script_header("# nestbox: from=d topology=trio environment=tiny cores=2\n",
                                  "a.sh", definition);
  ASSERT_FALSE(wrong);
  std::string text;
  for (const Error& error : wrong.error().errors)
    text += error.render() + "\n";
  EXPECT_THAT(text, HasSubstr("a.sh:1:17: error: 'd' is neither 'host' nor a machine of topology "
                              "'trio'"));
  EXPECT_THAT(text, HasSubstr("'environment' and 'topology' exclude each other"));
  EXPECT_THAT(text, HasSubstr("a.sh:1:56: error: a test with a topology cannot size its machines"));

  auto alone = load_script_header("# nestbox: topology=trio\n", "a.sh", {});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().errors[0].message, "unknown topology 'trio'");
}

TEST(Topology, LooksWhetherCopiedFilesExist) {
  TemporaryDirectory directory;
  write_file_atomically(directory.path() / "here", "");
  write_file_atomically(directory.path() / "nestbox.yml", R"(version: 1
topologies:
  t:
    machines: {a: }
    setup: [{on: a, copy: {from: here, to: /x}}, {copy: gone a:/x}]
tests: {x: {topology: t, steps: [{on: a, copy: {from: lost, to: /x}}]}}
)");
  auto definition = load_definition_file(directory.path() / "nestbox.yml", "nestbox.yml");
  ASSERT_FALSE(definition);
  ASSERT_EQ(definition.error().errors.size(), 2U);
  EXPECT_EQ(definition.error().errors[0].message,
            "no file or folder 'gone' in the definition's directory");
  EXPECT_EQ(definition.error().errors[1].where->line, 6);
}

TEST(Topology, HasAtMostSixtyFourMachinesAndThirtyTwoNetworks) {
  std::string networks, machines, after;
  for (int i = 0; i < 64; ++i) {
    machines += "m" + std::to_string(i) + ": {after: [" + after + "]}, ";
    after += (i > 0 ? ", m" : "m") + std::to_string(i);
  }
  for (int i = 0; i < 32; ++i)
    networks += "n" + std::to_string(i) + ": , ";
  auto text = [&](const std::string& one_network, const std::string& one_machine) {
    return "version: 1\ntopologies: {t: {networks: {" + networks + one_network + "}, machines: {"
           + machines + one_machine + "}}}";
  };
  EXPECT_TRUE(load_definition(text("", ""), "x"));
  auto too_many = load_definition(text("m: ", "m: "), "x");
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().errors[0].message, "a topology has at most 32 networks");
  EXPECT_EQ(too_many.error().errors[1].message, "a topology has at most 64 machines");
}

}  // namespace
}  // namespace nestbox
