#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "harness/base/result.hpp"

namespace nestbox::docker {

/// How the engine is reached.
struct DockerSettings {
  std::filesystem::path socket;

  bool operator==(const DockerSettings&) const = default;
};

/// What $NAME is, or nothing.
using Variables = std::function<std::optional<std::string>(const char* name)>;

/// Where the engine listens: DOCKER_HOST when it is set, else the first that exists of Docker's own
/// socket, this user's (rootless) and podman's; Docker's when there is none. Error(unsupported) for
/// a DOCKER_HOST that is no unix socket.
Result<DockerSettings>
read_settings(const Variables& variables,
              const std::function<bool(const std::filesystem::path&)>& exists);

}  // namespace nestbox::docker
