#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/http_client.hpp"

namespace nestbox::docker {

/// One call of the engine API: a plain value.
struct EngineRequest {
  std::string method = "GET";
  std::string path{};  ///< below the version, escaped: "/containers/create?name=x"
  std::optional<nlohmann::json> body{};
  std::function<std::size_t(char* buffer, std::size_t size)> archive{};  ///< a tar, as the body
  std::function<void(std::string_view)> sink{};  ///< takes the reply's body in pieces
};

/// "?name=x&tag=y", escaped; empty without pairs.
std::string query(const std::vector<std::pair<std::string, std::string>>& pairs);

/// `text` as one part of a path.
std::string path_part(std::string_view text);

/// Hands `bytes` out as EngineRequest::archive takes them.
std::function<std::size_t(char*, std::size_t)> piecewise(std::string bytes);

/// What an engine says in a reply that is no success.
Error engine_error(int status, std::string_view body);

/// The newest version of the API that both sides know. Error(unsupported) when there is none.
Result<std::string> common_version(const nlohmann::json& version_reply);

/// An engine (dockerd, or podman's service) behind its unix socket. Any thread.
class Engine {
public:
  explicit Engine(std::filesystem::path socket);

  const std::filesystem::path& socket() const noexcept { return m_socket; }

  /// "/v1.41", agreed upon at the first call. Throws as `call` does.
  std::string version_prefix(Deadline deadline, const CancelToken& cancel);

  /// The reply, as JSON; null when it is empty or went into the sink. Throws Error(not_found) for
  /// what does not exist, Error(infrastructure) with the engine's own words for other refusals,
  /// Error(corrupt) for a reply that is no JSON, and what HttpClient::send throws.
  nlohmann::json call(const EngineRequest& request, Deadline deadline,
                      const CancelToken& cancel = {});

  /// The same, but the reply as it is, whatever its status.
  HttpReply ask(const EngineRequest& request, Deadline deadline, const CancelToken& cancel = {});

private:
  HttpReply send(const EngineRequest& request, const std::string& prefix, Deadline deadline,
                 const CancelToken& cancel);

  std::filesystem::path m_socket;
  HttpClient m_client;
  std::mutex m_mutex;
  std::string m_prefix;  ///< guarded by m_mutex
};

}  // namespace nestbox::docker
