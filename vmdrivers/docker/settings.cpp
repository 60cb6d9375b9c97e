#include "vmdrivers/docker/settings.hpp"

#include <vector>

namespace nestbox::docker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_unix = "unix://";
constexpr const char* k_usual_socket = "/var/run/docker.sock";

std::vector<fs::path> usual_sockets(const Variables& variables) {
  std::vector<fs::path> sockets = {k_usual_socket};
  if (const auto runtime = variables("XDG_RUNTIME_DIR"); runtime && !runtime->empty()) {
    sockets.push_back(fs::path(*runtime) / "docker.sock");
    sockets.push_back(fs::path(*runtime) / "podman/podman.sock");
  }
  sockets.push_back("/run/podman/podman.sock");
  return sockets;
}

}  // namespace

Result<DockerSettings> read_settings(const Variables& variables,
                                     const std::function<bool(const fs::path&)>& exists) {
  if (const auto host = variables("DOCKER_HOST"); host && !host->empty()) {
    if (!host->starts_with(k_unix) || host->size() == k_unix.size())
      return fail(ErrorCode::unsupported, "DOCKER_HOST is '" + *host + "', which is no unix socket",
                  "nestbox speaks to an engine of this host: DOCKER_HOST=unix:///run/docker.sock");
    return DockerSettings{host->substr(k_unix.size())};
  }
  for (const fs::path& socket : usual_sockets(variables))
    if (exists(socket))
      return DockerSettings{socket};
  return DockerSettings{k_usual_socket};
}

}  // namespace nestbox::docker
