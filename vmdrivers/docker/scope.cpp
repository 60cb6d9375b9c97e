#include "vmdrivers/docker/scope.hpp"

#include <fmt/format.h>

#include <random>

#include "harness/base/error.hpp"
#include "harness/base/owner.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/scope_filters.hpp"
#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;
using Kind = ScopeVerdict::Kind;

ScopeVerdict judge(ScopeRequest& request) {
  const std::string& kind = request.part(0);
  const bool whole = request.parts.size() == 1;
  if (kind == "_ping" && whole)
    return {.kind = Kind::ping};
  if ((kind == "version" || kind == "info") && whole && request.gets())
    return relayed("/" + kind);
  if (kind == "events" && whole && request.gets()) {
    request.query.set("filters",
                      scoped_filters(request.query.get("filters"), request.scope, request.lookup));
    return {.kind = Kind::stream, .target = "/events" + request.query.text()};
  }
  if (kind == "auth" && whole && request.posts())
    return relayed("/auth");
  if (kind == "containers")
    return judge_containers(request);
  if (kind == "exec")
    return judge_exec(request);
  if (kind == "networks")
    return judge_networks(request);
  if (kind == "volumes")
    return judge_volumes(request);
  if (kind == "images")
    return judge_images(request);
  if (kind == "build")
    return judge_build(request);
  if (kind == "commit")
    return judge_commit(request);
  ScopeVerdict verdict = not_for_tests(request);
  // Clients take this one for an engine that has no such thing, and go on without.
  if (kind == "session" || kind == "grpc")
    verdict.status = 404;
  return verdict;
}

void strip(std::string& text, const std::string& prefix) {
  for (std::size_t at = text.find(prefix); at != text.npos; at = text.find(prefix, at))
    text.erase(at, prefix.size());
}

/// Whether an entry of a list is an image of another test's.
bool is_others(const json& entry, const Scope& scope) {
  const auto labels = entry.is_object() ? entry.find("Labels") : entry.end();
  if (labels == entry.end() || !labels->is_object() || !labels->contains(k_scope_label))
    return false;
  return text_at(*labels, k_scope_label) != scope.id;
}

}  // namespace

Scope new_scope(const MachineSpec& spec) {
  std::random_device random;
  return {.id = fmt::format("{:08x}{:08x}", random(), random()),
          .owner = to_string(this_owner()),
          .privileged = spec.privileged,
          .network = spec.network == NetworkAccess::user};
}

Labels Scope::labels() const {
  return {{k_ours_label, "1"}, {k_owner_label, owner}, {k_scope_label, id}};
}

std::string Scope::label() const {
  return std::string(k_scope_label) + "=" + id;
}

std::string_view without_version(std::string_view target) {
  if (!target.starts_with("/v1."))
    return target;
  const std::size_t end = target.find_first_not_of("0123456789", 4);
  return end != 4 && end != target.npos && target[end] == '/' ? target.substr(end) : target;
}

bool body_decides(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return method == "POST"
         && (path.ends_with("/create") || path.ends_with("/exec") || path.ends_with("/connect")
             || path.ends_with("/disconnect"))
         && path != "/images/create";
}

ScopeVerdict decide(const Scope& scope, std::string_view method, std::string_view target,
                    const json& body, const ScopeLookup& lookup) {
  try {
    ScopeRequest request(scope, method, target, body, lookup);
    return judge(request);
  } catch (const Error& error) {
    if (error.code != ErrorCode::usage && error.code != ErrorCode::not_found)
      throw;
    if (error.code == ErrorCode::not_found)
      return refusal(404, error.message);
    return refusal(403,
                   "nestbox: " + error.message + (error.hint.empty() ? "" : "; " + error.hint));
  }
}

std::string unscoped_text(std::string text, const Scope& scope) {
  strip(text, scope.prefix());
  strip(text, scope.image_prefix());
  return text;
}

json unscoped(json reply, const Scope& scope) {
  if (reply.is_array())
    std::erase_if(reply.get_ref<json::array_t&>(),
                  [&](const json& entry) { return is_others(entry, scope); });
  // Without recursion, for a reply may be deep.
  std::vector<json*> left = {&reply};
  while (!left.empty()) {
    json& value = *left.back();
    left.pop_back();
    if (value.is_string()) {
      value = unscoped_text(value.get<std::string>(), scope);
    } else if (value.is_array()) {
      for (json& item : value)
        left.push_back(&item);
    } else if (value.is_object()) {
      json named = json::object();
      for (auto& [key, item] : value.items())
        named[unscoped_text(key, scope)] = std::move(item);
      value = std::move(named);
      for (auto& [key, item] : value.items())
        left.push_back(&item);
    }
  }
  return reply;
}

}  // namespace nestbox::docker
