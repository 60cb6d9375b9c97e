#include "vmdrivers/docker/settings.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace nestbox::docker {
namespace {

Result<DockerSettings> settings(const std::map<std::string, std::string>& variables,
                                const std::set<std::string>& sockets = {}) {
  return read_settings(
      [&](const char* name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      [&](const std::filesystem::path& path) { return sockets.contains(path.string()); });
}

TEST(DockerSettings, TakesWhatDockerHostSays) {
  EXPECT_EQ(settings({{"DOCKER_HOST", "unix:///tmp/x.sock"}}, {"/var/run/docker.sock"})->socket,
            "/tmp/x.sock");
}

TEST(DockerSettings, LooksForDockerThenForTheUsersOwnThenForPodman) {
  const std::map<std::string, std::string> user = {{"XDG_RUNTIME_DIR", "/run/user/7"}};
  const std::set<std::string> all = {"/var/run/docker.sock", "/run/user/7/docker.sock",
                                     "/run/user/7/podman/podman.sock", "/run/podman/podman.sock"};
  EXPECT_EQ(settings(user, all)->socket, "/var/run/docker.sock");
  EXPECT_EQ(settings(user, {"/run/user/7/docker.sock", "/run/podman/podman.sock"})->socket,
            "/run/user/7/docker.sock");
  EXPECT_EQ(settings({}, all)->socket, "/var/run/docker.sock");
  EXPECT_EQ(settings(user, {"/run/user/7/podman/podman.sock"})->socket,
            "/run/user/7/podman/podman.sock");
  EXPECT_EQ(settings({}, {"/run/podman/podman.sock"})->socket, "/run/podman/podman.sock");
}

TEST(DockerSettings, NamesTheUsualSocketWhenThereIsNone) {
  EXPECT_EQ(settings({{"DOCKER_HOST", ""}})->socket, "/var/run/docker.sock");
}

TEST(DockerSettings, RefusesAnEngineElsewhere) {
  for (const char* host : {"tcp://192.0.2.1:2375", "ssh://me@there", "unix://", "x"}) {
    const auto refused = settings({{"DOCKER_HOST", host}});
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_NE(refused.error().message.find("'" + std::string(host) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace nestbox::docker
