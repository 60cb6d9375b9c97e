#include "vmdrivers/docker/engine.hpp"

#include <fmt/format.h>

#include <charconv>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/json_text.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

/// The versions that this driver was written against.
constexpr int k_oldest = 40;
constexpr int k_newest = 45;

std::string escaped(std::string_view text) {
  std::string result;
  for (const unsigned char byte : text) {
    const bool plain =
        (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9')
        || std::string_view("-_.~").find(static_cast<char>(byte)) != std::string::npos;
    result += plain ? std::string(1, static_cast<char>(byte)) : fmt::format("%{:02X}", byte);
  }
  return result;
}

/// 41 of "1.41".
std::optional<int> minor_version(const json& reply, const char* key) {
  const std::string text = text_at(reply, key);
  int minor = 0;
  if (!text.starts_with("1.")
      || std::from_chars(text.data() + 2, text.data() + text.size(), minor).ec != std::errc())
    return std::nullopt;
  return minor;
}

}  // namespace

std::string query(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs)
    text += (text.empty() ? "?" : "&") + escaped(name) + "=" + escaped(value);
  return text;
}

std::string path_part(std::string_view text) {
  return escaped(text);
}

std::function<std::size_t(char*, std::size_t)> piecewise(std::string bytes) {
  return [rest = std::move(bytes), done = std::size_t{0}](char* buffer, std::size_t size) mutable {
    const std::size_t count = rest.copy(buffer, size, done);
    done += count;
    return count;
  };
}

Error engine_error(int status, std::string_view body) {
  const json reply = json::parse(body, nullptr, false);
  std::string words = fmt::format("status {}", status);
  if (const std::string message = text_at(reply, "message"); !message.empty())
    words = printable(message);
  return Error(status == 404 ? ErrorCode::not_found : ErrorCode::infrastructure,
               "the container engine refused: " + words);
}

Result<std::string> common_version(const json& version_reply) {
  const std::optional<int> newest = minor_version(version_reply, "ApiVersion");
  if (!newest)
    return fail(ErrorCode::unsupported, "the container engine does not say its API's version");
  const int oldest = minor_version(version_reply, "MinAPIVersion").value_or(0);
  if (*newest < k_oldest || oldest > k_newest)
    return fail(ErrorCode::unsupported,
                fmt::format("the container engine speaks versions 1.{} to 1.{} of its API, not "
                            "1.{} to 1.{}",
                            oldest, *newest, k_oldest, k_newest),
                *newest < k_oldest ? "install Docker 19.03 or newer" : "install a newer nestbox");
  return fmt::format("1.{}", std::min(*newest, k_newest));
}

Engine::Engine(std::filesystem::path socket) : m_socket(std::move(socket)) {}

HttpReply Engine::send(const EngineRequest& request, const std::string& prefix, Deadline deadline,
                       const CancelToken& cancel) {
  HttpRequest sent;
  sent.method = request.method;
  sent.url = "http://docker" + prefix + request.path;
  sent.unix_socket = m_socket;
  sent.sink = request.sink;
  if (request.archive) {
    sent.source = request.archive;
    sent.headers = {"Content-Type: application/x-tar", "Expect:"};
  } else if (request.body) {
    sent.body = request.body->dump(-1, ' ', false, json::error_handler_t::replace);
    sent.headers = {"Content-Type: application/json", "Expect:"};
  }
  return m_client.send(sent, deadline, cancel);
}

std::string Engine::version_prefix(Deadline deadline, const CancelToken& cancel) {
  {
    const std::lock_guard lock(m_mutex);
    if (!m_prefix.empty())
      return m_prefix;
  }
  const HttpReply reply = send({.path = "/version"}, {}, deadline, cancel);
  if (!reply.success())
    throw engine_error(reply.status, reply.body);
  const std::string version =
      value_or_throw(common_version(json::parse(reply.body, nullptr, false)));
  const std::lock_guard lock(m_mutex);
  m_prefix = "/v" + version;
  return m_prefix;
}

HttpReply Engine::ask(const EngineRequest& request, Deadline deadline, const CancelToken& cancel) {
  return send(request, version_prefix(deadline, cancel), deadline, cancel);
}

json Engine::call(const EngineRequest& request, Deadline deadline, const CancelToken& cancel) {
  const HttpReply reply = ask(request, deadline, cancel);
  if (!reply.success())
    throw engine_error(reply.status, reply.body);
  if (reply.body.empty())
    return {};
  json document = json::parse(reply.body, nullptr, false);
  if (document.is_discarded())
    throw Error(ErrorCode::corrupt, "the container engine answered with something that is no JSON");
  return document;
}

}  // namespace nestbox::docker
