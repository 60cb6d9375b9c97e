#include "vmdrivers/docker/scope_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/json_text.hpp"

namespace nestbox::docker {

using nlohmann::json;
using Kind = ScopeVerdict::Kind;

ScopeRequest::ScopeRequest(const Scope& of, std::string_view asked, std::string_view target,
                           const json& content, const ScopeLookup& names)
    : scope(of), lookup(names), body(content), method(asked), query(target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const std::string& part : split(path.substr(std::min<std::size_t>(1, path.size())), '/'))
    parts.push_back(unescaped(part));
}

const std::string& ScopeRequest::part(std::size_t index) const {
  static const std::string k_none;
  return index < parts.size() ? parts[index] : k_none;
}

ScopeVerdict refusal(int status, std::string reason) {
  return {.kind = Kind::refuse, .status = status, .reason = std::move(reason)};
}

ScopeVerdict relayed(std::string target) {
  return {.kind = Kind::relay, .target = std::move(target)};
}

ScopeVerdict rewritten(std::string target, std::optional<json> body) {
  return {.kind = Kind::rewrite, .target = std::move(target), .body = std::move(body)};
}

ScopeVerdict not_for_tests(const ScopeRequest& request) {
  return refusal(403, fmt::format("nestbox: '{} /{}' is not for tests", printable(request.method),
                                  printable(join(request.parts, "/"))));
}

const std::string& checked_name(const std::string& name) {
  const auto sound = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  };
  if (name.empty() || name.size() > 200 || !std::ranges::all_of(name, sound))
    throw Error(ErrorCode::usage, "'" + printable(name) + "' is no name");
  return name;
}

std::string checked_name_at(const json& object, const char* key) {
  return checked_name(text_at(object, key));
}

const json& only(const json& object, std::initializer_list<const char*> keys, const char* what) {
  if (!object.is_object())
    throw Error(ErrorCode::usage, fmt::format("{} is described by an object", what));
  for (const auto& [key, value] : object.items())
    if (std::ranges::find(keys, key) == keys.end())
      throw Error(ErrorCode::usage,
                  fmt::format("'{}' of {} is not known to nestbox", printable(key), what));
  return object;
}

bool is_nothing(const json& value) {
  return value.is_null() || value == json(false) || value == json(0) || value == json("")
         || ((value.is_array() || value.is_object()) && value.empty());
}

void add_labels(json& body, const Scope& scope) {
  if (!body.contains("Labels") || !body["Labels"].is_object())
    body["Labels"] = json::object();
  for (const auto& [label, value] : scope.labels())
    body["Labels"][label] = value;
}

std::string network_of(const ScopeRequest& request, const std::string& name,
                       ScopeVerdict& verdict) {
  if (name == "none" || (name == "host" && request.scope.privileged))
    return name;
  if (name == "host")
    throw Error(ErrorCode::usage, "the network 'host' reaches beyond the container",
                k_privileged_hint);
  if (name.starts_with("container:"))
    return "container:" + container_of(request, name.substr(10));
  if (name.empty() || name == "default" || name == "bridge") {
    verdict.default_network = true;
    return request.scope.default_network();
  }
  const auto found = request.lookup.network(name);
  if (!found)
    throw Error(ErrorCode::not_found, "network " + printable(name) + " not found");
  return *found;
}

std::string container_of(const ScopeRequest& request, const std::string& name) {
  const auto found = request.lookup.container(name);
  if (!found)
    throw Error(ErrorCode::not_found, "No such container: " + printable(name));
  return *found;
}

}  // namespace nestbox::docker
