#include "harness/model/exposed_variable.hpp"

#include <gtest/gtest.h>

#include "harness/model/definition_loader.hpp"

namespace nestbox {
namespace {

const std::vector<MachineAccess> k_machines = {
    {"core0", "10.90.0.1", "root", "127.0.0.1", 40001},
    {"core1", "10.90.0.2", "admin", "127.0.0.1", 40002},
    {"quiet", "10.90.0.3", "", "10.90.0.3", 22},
};
const AccessFiles k_files = {"/w/ssh/id", "/w/ssh/known_hosts", "/w/ssh/config"};

std::string value(const std::string& text, std::optional<std::string> join = {}) {
  return value_of({text, std::move(join)}, k_machines, {k_machines[0], k_machines[1]}, k_files);
}

TEST(ExposedVariable, NamesFilesAndMachines) {
  EXPECT_EQ(value("plain"), "plain");
  EXPECT_EQ(value("{key} {known_hosts} {ssh_config}"),
            "/w/ssh/id /w/ssh/known_hosts /w/ssh/config");
  EXPECT_EQ(value("{core1.name}={core1.user}@{core1.host}:{core1.port} is {core1.address}"),
            "core1=admin@127.0.0.1:40002 is 10.90.0.2");
  EXPECT_EQ(value("{{name}} {{{core0.name}}}"), "{name} {core0}");
}

TEST(ExposedVariable, ListsTheMachinesThatAreDriven) {
  EXPECT_EQ(value("{name}", ":"), "core0:core1");
  EXPECT_EQ(value("{user}@{address} -i {key}", ", "),
            "root@10.90.0.1 -i /w/ssh/id, admin@10.90.0.2 -i /w/ssh/id");
  EXPECT_EQ(value("{quiet.address}", ""), "10.90.0.310.90.0.3");
}

TEST(SshConfig, KnowsEveryMachineThatLetsSomebodyIn) {
  EXPECT_EQ(ssh_config(k_machines, k_files), R"(Host core0
  HostName 127.0.0.1
  Port 40001
  User root
  HostKeyAlias core0

Host core1
  HostName 127.0.0.1
  Port 40002
  User admin
  HostKeyAlias core1

Host *
  BatchMode yes
  ConnectTimeout 60
  ControlPath none
  GlobalKnownHostsFile /dev/null
  IdentitiesOnly yes
  IdentityFile "/w/ssh/id"
  LogLevel ERROR
  ServerAliveInterval 60
  StrictHostKeyChecking yes
  UserKnownHostsFile "/w/ssh/known_hosts"
)");
}

TEST(SshConfig, ConnectsByAVerbWhereNoNetworkLeads) {
  const MachineAccess far{
      .name = "core0", .address = "10.90.0.1", .user = "root", .host = "core0", .by_verb = true};
  const std::string entry = R"(Host core0 10.90.0.1
  ProxyCommand nestbox connect core0
  User root
  HostKeyAlias core0

)";
  EXPECT_EQ(ssh_config({far}, k_files).substr(0, entry.size()), entry);
}

constexpr const char* k_definition = R"(version: 1
environments: {node: {from: debian, memory: 256MiB}}
tests:
  install:
    environment: node
    machines:
      core0:
      core1: {environment: tiny, cores: 2, user: admin}
    run: ./install
    expose:
      FLOOP_CLOUD_TEST: "true"
      FLOOP_CLOUD_CORES: {each: "{name}", join: ":"}
  inside: {machines: {a: {}, b: {}}, from: b, run: x, needs: {isolation: machine}}
)";

TEST(MachinesOfATest, AreATopologyOfItsOwn) {
  const auto definition = load_definition(k_definition, "nestbox.yml");
  ASSERT_TRUE(definition) << definition.error().errors.front().render();
  const nestbox::Test& install = definition->tests[0];
  EXPECT_EQ(install.topology, "install");
  EXPECT_EQ(install.from, k_from_host);
  EXPECT_FALSE(install.needs.machine);
  EXPECT_EQ(install.exposed,
            (std::map<std::string, ExposedVariable>{{"FLOOP_CLOUD_TEST", {"true"}},
                                                    {"FLOOP_CLOUD_CORES", {"{name}", ":"}}}));
  const Topology& world = definition->topologies.at("install");
  EXPECT_TRUE(world.any_network);
  ASSERT_EQ(world.networks.size(), 1U);
  EXPECT_EQ(world.networks[0].name, "lan");
  ASSERT_EQ(world.machines.size(), 2U);
  EXPECT_EQ(world.machines[0].environment, "node");
  EXPECT_EQ(world.machines[0].user, "root");
  EXPECT_EQ(world.machines[1].environment, "tiny");
  EXPECT_EQ(world.machines[1].user, "admin");
  EXPECT_EQ(world.machines[1].cores, 2);
  EXPECT_EQ(world.machines[1].links,
            (std::vector<TopologyLink>{{"lan", {"10.90.0.2/24"}, device_mac(0, 1)}}));
  EXPECT_EQ(address_of(world, "core1", "core0"), "10.90.0.2");
  EXPECT_EQ(address_of(world, "core1", k_from_host), "10.90.0.2");
  EXPECT_EQ(definition->tests[1].from, "b");
  EXPECT_TRUE(definition->tests[1].needs.machine);
}

TEST(MachinesOfATest, DoWithoutOurNetworks) {
  const Topology world =
      without_networks(load_definition(k_definition, "nestbox.yml")->topologies.at("install"));
  EXPECT_TRUE(world.networks.empty());
  for (const TopologyMachine& machine : world.machines) {
    EXPECT_TRUE(machine.links.empty());
    EXPECT_EQ(machine.network, NetworkAccess::user);
  }
  EXPECT_EQ(address_of(world, "core1", "core0"), "");
}

}  // namespace
}  // namespace nestbox
