#include "runner/docker_machine/listing.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

const std::vector<ListedMachine> k_machines = {
    {.name = "db",
     .driver = "kvm",
     .state = "Running",
     .url = "tcp://127.90.1.2:2376",
     .labels = {"role=store", "bare"},
     .docker_version = "20.10.24",
     .active = true},
    {.name = "web1", .driver = "amazonec2", .state = "Stopped"},
};

TEST(DockerMachineListing, IsATable) {
  EXPECT_EQ(
      list_machines(k_machines, ""),
      "NAME   ACTIVE   DRIVER      STATE     URL                     SWARM   DOCKER      ERRORS\n"
      "db     *        kvm         Running   tcp://127.90.1.2:2376           v20.10.24   \n"
      "web1   -        amazonec2   Stopped                                   Unknown     \n");
  EXPECT_EQ(list_machines({}, "table {{.Name}}"), "NAME\n");
}

TEST(DockerMachineListing, FollowsATemplate) {
  EXPECT_EQ(list_machines(k_machines, "{{.Name}}:{{.State}}"), "db:Running\nweb1:Stopped\n");
  EXPECT_EQ(list_machines(k_machines, R"(table {{.Name}}\t{{.ActiveHost}})"),
            "NAME   ACTIVE_HOST\ndb     true\nweb1   false\n");
  EXPECT_EQ(list_machines({}, "{{.Name}}"), "");
  EXPECT_THROW(list_machines(k_machines, "{{.Nowhere}}"), Error);
}

std::string kept_by(const std::vector<std::string>& filters) {
  const ListFilter filter(filters);
  std::string names;
  for (const ListedMachine& machine : k_machines)
    names += filter.fits(machine) ? machine.name + ' ' : "";
  return names;
}

TEST(DockerMachineListing, IsFiltered) {
  EXPECT_EQ(kept_by({}), "db web1 ");
  EXPECT_EQ(kept_by({"name=^w.*[0-9]$"}), "web1 ");
  EXPECT_EQ(kept_by({"name=db", "name=web"}), "db web1 ");
  EXPECT_EQ(kept_by({"name=db", "state=stopped"}), "");
  EXPECT_EQ(kept_by({"driver=KVM"}), "db ");
  EXPECT_EQ(kept_by({"label=role=store"}), "db ");
  EXPECT_EQ(kept_by({"label=role"}), "db ");
  EXPECT_EQ(kept_by({"label=rol"}), "");
  EXPECT_EQ(kept_by({"swarm=master"}), "");
  for (const char* wrong : {"name", "colour=red", "name=("})
    EXPECT_THROW(ListFilter({wrong}), Error) << wrong;
}

}  // namespace
}  // namespace nestbox
