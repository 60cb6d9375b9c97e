#include "vmdrivers/docker/scope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmdrivers/docker/query.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Kind = ScopeVerdict::Kind;

Scope scope(bool privileged = false) {
  return {.id = "5f", .owner = "0@boot:1:2", .privileged = privileged};
}

const json k_labels = {{"nestbox", "1"}, {"nestbox.owner", "0@boot:1:2"}, {"nestbox.scope", "5f"}};

/// Knows container 'web' (id c0), network 'net' (id 10), volume 'data', exec 'e0', image 'app'.
ScopeLookup lookup() {
  const auto knows = [](const std::string& name, const std::string& answer) {
    return [=](const std::string& asked) {
      return asked == name ? std::optional(answer) : std::nullopt;
    };
  };
  return {.container = knows("web", "c0"),
          .network = knows("net", "10"),
          .volume = knows("data", "nestbox-5f-data"),
          .exec = knows("e0", "e0"),
          .image = knows("app", "nestbox-5f/app"),
          .alias = knows("c0", "web")};
}

ScopeVerdict asked(const std::string& method, const std::string& target, const json& body = {},
                   bool privileged = false) {
  return decide(scope(privileged), method, target, body, lookup());
}

std::string target_of(const std::string& method, const std::string& target, const json& body = {}) {
  const ScopeVerdict verdict = asked(method, target, body);
  EXPECT_NE(verdict.kind, Kind::refuse) << verdict.reason;
  return unescaped(verdict.target);
}

std::string refused(const std::string& method, const std::string& target, const json& body = {},
                    bool privileged = false) {
  const ScopeVerdict verdict = asked(method, target, body, privileged);
  EXPECT_EQ(verdict.kind, Kind::refuse) << method << " " << target;
  return std::to_string(verdict.status) + " " + verdict.reason;
}

/// The HostConfig of a container that is asked for with `host`.
json host_config(const json& host, bool privileged = false) {
  const ScopeVerdict verdict =
      asked("POST", "/containers/create", {{"HostConfig", host}}, privileged);
  EXPECT_EQ(verdict.kind, Kind::rewrite) << verdict.reason;
  return verdict.body ? (*verdict.body)["HostConfig"] : json();
}

std::string refused_host(const json& host) {
  return refused("POST", "/containers/create", {{"HostConfig", host}});
}

TEST(Scope, ListsOnlyWhatIsItsOwn) {
  for (const char* list : {"/containers/json", "/networks", "/volumes", "/events"})
    EXPECT_EQ(target_of("GET", list),
              std::string(list) + R"(?filters={"label":["nestbox.scope=5f"]})");
  EXPECT_EQ(
      target_of("GET", R"(/containers/json?all=1&filters={"label":{"a=b":true},"status":["up"]})"),
      R"(/containers/json?all=1&filters={"label":["a=b","nestbox.scope=5f"],"status":["up"]})");
  EXPECT_EQ(target_of("POST", "/images/prune"),
            R"(/images/prune?filters={"label":["nestbox.scope=5f"]})");
}

TEST(Scope, KnowsTheNamesInFilters) {
  EXPECT_EQ(
      target_of("GET", R"(/containers/json?filters={"name":["^/web$","^db","cache"]})"),
      R"(/containers/json?filters={"label":["nestbox.scope=5f"],"name":["^/nestbox-5f-web$","^nestbox-5f-db","cache"]})");
  EXPECT_EQ(
      target_of(
          "GET",
          R"(/containers/json?filters={"ancestor":["app"],"network":["net"],"volume":["data","/x"]})"),
      R"(/containers/json?filters={"ancestor":["nestbox-5f/app"],"label":["nestbox.scope=5f"],"network":["10"],"volume":["nestbox-5f-data","/x"]})");
  EXPECT_EQ(target_of("GET", R"(/images/json?filters={"reference":["app"]})"),
            R"(/images/json?filters={"reference":["app","nestbox-5f/app"]})");
  EXPECT_EQ(target_of("GET", "/images/json?all=1"), "/images/json?all=1");
}

TEST(Scope, RemovesWhatNobodyWouldSee) {
  EXPECT_EQ(target_of("DELETE", "/containers/web?force=1"), "/containers/c0?force=1&v=1");
  const ScopeVerdict pruned = asked("POST", "/containers/prune");
  EXPECT_EQ(pruned.kind, Kind::prune);
  EXPECT_EQ(
      unescaped(pruned.target),
      R"(/containers/json?all=1&filters={"label":["nestbox.scope=5f"],"status":["created","exited","dead"]})");
  EXPECT_EQ(asked("POST", "/build/prune").kind, Kind::answer);
}

TEST(Scope, GivesNamesOfItsOwn) {
  const ScopeVerdict verdict = asked("POST", "/containers/create?name=web",
                                     {{"Image", "app"}, {"HostConfig", {{"NetworkMode", "net"}}}});
  EXPECT_EQ(verdict.target, "/containers/create?name=nestbox-5f-web");
  const json& body = *verdict.body;
  EXPECT_EQ(body["Image"], "nestbox-5f/app");
  EXPECT_EQ(body["HostConfig"]["NetworkMode"], "10");
  EXPECT_EQ(body["Labels"], k_labels);
  EXPECT_EQ((*asked("POST", "/networks/create", {{"Name", "net"}}).body)["Name"], "nestbox-5f-net");
  EXPECT_EQ((*asked("POST", "/volumes/create", {{"Name", "data"}}).body)["Name"],
            "nestbox-5f-data");
  EXPECT_EQ(target_of("POST", "/build?t=app:1&t=other&networkmode=net"),
            "/build?t=nestbox-5f/app:1&t=nestbox-5f/other&networkmode=10&labels=" + k_labels.dump()
                + "&forcerm=1");
  EXPECT_EQ(target_of("POST", "/commit?container=web&repo=team/app&tag=1"),
            "/commit?tag=1&container=c0&repo=nestbox-5f/team/app&changes=LABEL nestbox=1"
            "&changes=LABEL nestbox.owner=0@boot:1:2&changes=LABEL nestbox.scope=5f");
  EXPECT_EQ(target_of("POST", "/images/app/tag?repo=other&tag=2"),
            "/images/nestbox-5f/app/tag?tag=2&repo=nestbox-5f/other");
}

TEST(Scope, LetsContainersFindEachOtherByTheNamesThatATestGave) {
  const auto endpoints = [](const json& body) {
    const ScopeVerdict verdict = asked("POST", "/containers/create?name=db", body);
    EXPECT_EQ(verdict.kind, Kind::rewrite) << verdict.reason;
    return (*verdict.body)["NetworkingConfig"]["EndpointsConfig"];
  };
  EXPECT_EQ(endpoints(json::object()),
            json::parse(R"({"nestbox-5f-default": {"Aliases": ["db"]}})"));
  EXPECT_EQ(endpoints({{"HostConfig", {{"NetworkMode", "net"}}},
                       {"NetworkingConfig",
                        {{"EndpointsConfig",
                          {{"net", {{"Aliases", {"more"}}, {"Links", {"web:w"}}}}}}}}}),
            json::parse(R"({"10": {"Aliases": ["more", "db"], "Links": ["c0:w"]}})"));
  EXPECT_EQ(endpoints({{"HostConfig", {{"NetworkMode", "none"}}}}), json::object());
  EXPECT_EQ(*asked("POST", "/networks/net/connect", {{"Container", "web"}}).body,
            json::parse(R"({"Container": "c0", "EndpointConfig": {"Aliases": ["web"]}})"));
  EXPECT_EQ(*asked("POST", "/networks/net/disconnect", {{"Container", "web"}}).body,
            json({{"Container", "c0"}}));
  EXPECT_EQ(host_config({{"Links", {"web", "web:w"}}})["Links"], json({"c0:web", "c0:w"}));
}

TEST(Scope, PublishesPortsWhereNobodyMeets) {
  EXPECT_EQ(host_config(json::parse(R"({"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})")),
            json::parse(R"({"NetworkMode": "nestbox-5f-default", "PortBindings":
                            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}})"));
}

TEST(Scope, LeadsNowhereWithoutANetwork) {
  EXPECT_EQ((*asked("POST", "/networks/create", {{"Name", "net"}}).body)["Internal"], true);
  Scope outside = scope();
  outside.network = true;
  EXPECT_FALSE(decide(outside, "POST", "/networks/create", {{"Name", "net"}}, lookup())
                   .body->contains("Internal"));
}

TEST(Scope, FindsWhatATestNames) {
  EXPECT_EQ(target_of("POST", "/containers/web/start"), "/containers/c0/start");
  EXPECT_EQ(target_of("GET", "/containers/web/logs?stdout=1"), "/containers/c0/logs?stdout=1");
  EXPECT_EQ(target_of("GET", "/networks/net"), "/networks/10");
  EXPECT_EQ(target_of("DELETE", "/volumes/data"), "/volumes/nestbox-5f-data");
  EXPECT_EQ(target_of("POST", "/exec/e0/start"), "/exec/e0/start");
  EXPECT_EQ(target_of("GET", "/images/app/json"), "/images/nestbox-5f/app/json");
  EXPECT_EQ(target_of("GET", "/images/team/debian:12/json"), "/images/team/debian:12/json");
}

TEST(Scope, KnowsNothingOfOthers) {
  for (const auto& [method, target] : {std::pair{"GET", "/containers/other/json"},
                                       {"POST", "/containers/other/exec"},
                                       {"DELETE", "/networks/other"},
                                       {"DELETE", "/volumes/other"},
                                       {"POST", "/exec/other/start"},
                                       {"DELETE", "/images/debian:12"},
                                       {"POST", "/commit?container=other"}})
    EXPECT_THAT(refused(method, target, json::object()), HasSubstr("404 ")) << target;
}

TEST(Scope, IsOfTheTestsOwnNetworkUnlessToldOtherwise) {
  for (const json& host :
       {json::object(), json({{"NetworkMode", "default"}}), json({{"NetworkMode", "bridge"}})}) {
    const ScopeVerdict verdict = asked("POST", "/containers/create", {{"HostConfig", host}});
    EXPECT_TRUE(verdict.default_network);
    EXPECT_EQ((*verdict.body)["HostConfig"]["NetworkMode"], "nestbox-5f-default");
  }
  EXPECT_EQ(host_config({{"NetworkMode", "none"}})["NetworkMode"], "none");
  EXPECT_EQ(host_config({{"NetworkMode", "container:web"}})["NetworkMode"], "container:c0");
}

TEST(Scope, MakesTheVolumesThatAContainerNames) {
  const ScopeVerdict verdict =
      asked("POST", "/containers/create",
            {{"HostConfig",
              {{"Binds", {"data:/data:ro", "fresh:/fresh"}},
               {"Mounts", {{{"Type", "volume"}, {"Source", "more"}, {"Target", "/more"}}}}}}});
  EXPECT_EQ(verdict.volumes, (std::vector<std::string>{"nestbox-5f-fresh", "nestbox-5f-more"}));
  const json& host = (*verdict.body)["HostConfig"];
  EXPECT_EQ(host["Binds"], json::array({"nestbox-5f-data:/data:ro", "nestbox-5f-fresh:/fresh"}));
  EXPECT_EQ(host["Mounts"][0]["Source"], "nestbox-5f-more");
}

TEST(Scope, RefusesWhatReachesBeyondAContainer) {
  EXPECT_EQ(refused_host({{"Privileged", true}}),
            "403 nestbox: 'HostConfig.Privileged' reaches beyond the container; write 'needs: "
            "{privileged: true}' if the test must have it");
  EXPECT_THAT(refused_host({{"Binds", {"/etc:/etc"}}}), HasSubstr("directory '/etc'"));
  EXPECT_THAT(refused_host({{"Mounts", {{{"Type", "bind"}, {"Source", "/"}}}}}),
              HasSubstr("a mount of type 'bind'"));
  for (const json& host :
       {json({{"NetworkMode", "host"}}),
        json({{"PidMode", "host"}}),
        json({{"IpcMode", "host"}}),
        json({{"UTSMode", "host"}}),
        json({{"UsernsMode", "host"}}),
        json({{"CgroupnsMode", "host"}}),
        json({{"CapAdd", {"SYS_ADMIN"}}}),
        json({{"CapAdd", {"CAP_SYS_MODULE"}}}),
        json({{"CapAdd", {"ALL"}}}),
        json({{"Devices", {{{"PathOnHost", "/dev/sda"}}}}}),
        json({{"SecurityOpt", {"seccomp=unconfined"}}}),
        json({{"CgroupParent", "/"}}),
        json({{"LogConfig", {{"Type", "syslog"}}}}),
        json({{"Sysctls", {{"a", "b"}}}}),
        json({{"MaskedPaths", json::array()}}),
        json({{"ReadonlyPaths", json::array()}}),
        json({{"privileged", true}}),
        json({{"NETWORKMODE", "host"}}),
        json({{"Mounts", {{{"Type", "tmpfs"}, {"type", "bind"}}}}}),
        json({{"NobodyKnowsThis", 1}}),
        json({{"Mounts",
               {{{"Type", "volume"},
                 {"VolumeOptions", {{"DriverConfig", {{"Name", "local"}}}}}}}}})})
    EXPECT_THAT(refused_host(host), HasSubstr("403 nestbox: ")) << host;
  EXPECT_THAT(refused("POST", "/containers/web/exec", {{"Privileged", true}}), HasSubstr("403"));
  EXPECT_THAT(refused("POST", "/networks/create", {{"Name", "x"}, {"Driver", "macvlan"}}),
              HasSubstr("403"));
  EXPECT_THAT(refused("POST", "/volumes/create",
                      {{"Name", "x"}, {"DriverOpts", {{"device", "/"}, {"o", "bind"}}}}),
              HasSubstr("403"));
  EXPECT_THAT(refused("POST", "/build?networkmode=host"), HasSubstr("403"));
  EXPECT_THAT(refused("POST", "/build?networkmode=container:other"), HasSubstr("404"));
}

TEST(Scope, RefusesKeysThatAnEngineWouldTakeForOthers) {
  for (const auto& [target, body] :
       {std::pair{"/containers/create", json({{"hostConfig", {{"Privileged", true}}}})},
        {"/containers/create", json({{"NetworkingConfig", {{"endpointsConfig", {}}}}})},
        {"/containers/web/exec", json({{"privileged", true}})},
        {"/networks/create", json({{"Name", "x"}, {"driver", "macvlan"}})},
        {"/networks/net/connect", json({{"container", "other"}, {"Container", "web"}})},
        {"/volumes/create", json({{"driverOpts", {{"device", "/"}}}})}})
    EXPECT_THAT(refused("POST", target, body), HasSubstr("is not known to nestbox")) << target;
}

TEST(Scope, AllowsAPrivilegedTestAllOfIt) {
  EXPECT_EQ(host_config({{"Privileged", true}, {"Binds", {"/etc:/etc"}}, {"PidMode", "host"}},
                        true)["Binds"][0],
            "/etc:/etc");
}

TEST(Scope, TakesWhatClientsWriteForNothing) {
  const json host = {
      {"Privileged", false},       {"CgroupParent", ""},
      {"Devices", json::array()},  {"UTSMode", ""},
      {"CapAdd", nullptr},         {"Memory", 1000},
      {"Isolation", ""},           {"OomScoreAdj", 0},
      {"Sysctls", json::object()}, {"CapDrop", {"ALL"}},
      {"MaskedPaths", nullptr},    {"LogConfig", {{"Type", ""}, {"Config", json::object()}}}};
  EXPECT_EQ(host_config(host)["Memory"], 1000);
}

TEST(Scope, TakesWhatStaysWithinAContainer) {
  EXPECT_EQ(host_config({{"CapAdd", {"CAP_CHOWN", "NET_ADMIN"}},
                         {"SecurityOpt", {"no-new-privileges"}},
                         {"Sysctls", {{"net.ipv4.ip_forward", "1"}}},
                         {"ContainerIDFile", "/tmp/id"},
                         {"IpcMode", "private"}})["CapAdd"],
            json({"CAP_CHOWN", "NET_ADMIN"}));
}

TEST(Scope, RefusesWhatIsTheEnginesOwn) {
  for (const auto& [method, target] : {std::pair{"GET", "/swarm"},
                                       {"POST", "/services/create"},
                                       {"GET", "/system/df"},
                                       {"POST", "/images/load"},
                                       {"POST", "/images/app/push"},
                                       {"GET", "/plugins"},
                                       {"POST", "/containers/web/attach/ws"},
                                       {"PUT", "/networks"},
                                       {"GET", "/"},
                                       {"GET", ""}})
    EXPECT_THAT(refused(method, target), HasSubstr("403 ")) << target;
  EXPECT_THAT(refused("POST", "/session"), HasSubstr("404 "));
  EXPECT_THAT(refused("GET", "/images/../containers/json"), HasSubstr("404 "));
}

TEST(Scope, RefusesNamesThatAreNone) {
  EXPECT_THAT(refused("POST", "/containers/create?name=../x", json::object()),
              HasSubstr("no name"));
  EXPECT_THAT(refused("POST", "/networks/create", {{"Name", 5}}), HasSubstr("no name"));
  EXPECT_THAT(refused("POST", "/build?t=reg:5000/app"), HasSubstr("no name"));
  EXPECT_THAT(refused("GET", "/networks?filters=x"), HasSubstr("no JSON object"));
}

TEST(Scope, TellsATestItsOwnNames) {
  EXPECT_EQ(
      unscoped(json::parse(R"([{"Names": ["/nestbox-5f-web"], "Networks": {"nestbox-5f-net": {}},
              "RepoTags": ["nestbox-5f/app:1"], "Path": "/v/nestbox-5f-data/_data", "Id": 5}])"),
               scope()),
      json::parse(R"([{"Names": ["/web"], "Networks": {"net": {}}, "RepoTags": ["app:1"],
              "Path": "/v/data/_data", "Id": 5}])"));
}

TEST(Scope, CutsTheVersionOff) {
  EXPECT_EQ(without_version("/v1.41/info"), "/info");
  EXPECT_EQ(without_version("/info"), "/info");
  EXPECT_EQ(without_version("/v1./info"), "/v1./info");
  EXPECT_EQ(without_version("/v1.41"), "/v1.41");
}

TEST(Query, IsTakenApartAndPutTogether) {
  Query query("/x?a=1&b=x%20y&a=2+3&c");
  EXPECT_EQ(query.get("a"), "1");
  EXPECT_EQ(query.get("b"), "x y");
  EXPECT_EQ(query.get("none"), "");
  EXPECT_EQ(query.all("a").at(1).get(), "2 3");
  query.set("a", "&");
  EXPECT_EQ(query.text(), "?b=x%20y&c=&a=%26");
  EXPECT_EQ(Query("/x").text(), "");
  EXPECT_EQ(unescaped("%4a%zz%2"), "J%zz%2");
}

}  // namespace
}  // namespace nestbox::docker
