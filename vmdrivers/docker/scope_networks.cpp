#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/container_wishes.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/scope_filters.hpp"
#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

std::string filtered(ScopeRequest& request) {
  request.query.set("filters",
                    scoped_filters(request.query.get("filters"), request.scope, request.lookup));
  return request.query.text();
}

ScopeVerdict network_created(const ScopeRequest& request) {
  json body =
      only(request.body,
           {"Attachable", "CheckDuplicate", "ConfigFrom", "ConfigOnly", "Driver", "EnableIPv4",
            "EnableIPv6", "IPAM", "Ingress", "Internal", "Labels", "Name", "Options", "Scope"},
           "a network");
  const std::string driver = text_at(body, "Driver");
  if (!request.scope.privileged
      && ((!driver.empty() && driver != "bridge" && driver != "default")
          || !is_nothing(body.value("Options", json()))
          || !is_nothing(body.value("ConfigOnly", json()))
          || !is_nothing(body.value("ConfigFrom", json()))))
    return refusal(403, "nestbox: a test's networks are plain bridges");
  body["Name"] = request.scope.prefix() + checked_name_at(body, "Name");
  if (!request.scope.network)
    body["Internal"] = true;
  add_labels(body, request.scope);
  return rewritten("/networks/create", body);
}

ScopeVerdict connected(const ScopeRequest& request, const std::string& target) {
  json body = only(request.body, {"Container", "EndpointConfig", "Force"}, "a connection");
  const std::string container = container_of(request, text_at(body, "Container"));
  body["Container"] = container;
  if (request.part(2) == "connect")
    body["EndpointConfig"] = scoped_endpoint(request, body.value("EndpointConfig", json()),
                                             request.lookup.alias(container).value_or(""));
  return rewritten(target, body);
}

ScopeVerdict volume_created(const ScopeRequest& request) {
  json body = only(request.body.is_null() ? json::object() : request.body,
                   {"Driver", "DriverOpts", "Labels", "Name"}, "a volume");
  const std::string driver = text_at(body, "Driver");
  if (!request.scope.privileged
      && ((!driver.empty() && driver != "local") || !is_nothing(body.value("DriverOpts", json()))))
    return refusal(403, "nestbox: a test's volumes are plain directories of the engine");
  if (!text_at(body, "Name").empty())
    body["Name"] = request.scope.prefix() + checked_name_at(body, "Name");
  add_labels(body, request.scope);
  return rewritten("/volumes/create", body);
}

}  // namespace

ScopeVerdict judge_networks(ScopeRequest& request) {
  const std::string& what = request.part(1);
  if (what.empty() && request.gets())
    return rewritten("/networks" + filtered(request));
  if (what == "prune" && request.posts())
    return rewritten("/networks/prune" + filtered(request));
  if (what == "create" && request.posts())
    return network_created(request);
  const std::string& action = request.part(2);
  const bool whole = action.empty() && (request.gets() || request.deletes());
  const bool joins = request.posts() && (action == "connect" || action == "disconnect");
  if (request.parts.size() > 3 || what.empty() || (!whole && !joins))
    return not_for_tests(request);
  const auto id = request.lookup.network(what);
  if (!id)
    return refusal(404, "network " + printable(what) + " not found");
  const std::string target = "/networks/" + *id + (whole ? "" : "/" + action);
  return whole ? rewritten(target + request.query.text()) : connected(request, target);
}

ScopeVerdict judge_volumes(ScopeRequest& request) {
  const std::string& what = request.part(1);
  if (what.empty() && request.gets())
    return rewritten("/volumes" + filtered(request));
  if (what == "prune" && request.posts())
    return rewritten("/volumes/prune" + filtered(request));
  if (what == "create" && request.posts())
    return volume_created(request);
  if (request.parts.size() != 2 || what.empty() || !(request.gets() || request.deletes()))
    return not_for_tests(request);
  const auto name = request.lookup.volume(what);
  if (!name)
    return refusal(404, "get " + printable(what) + ": no such volume");
  return rewritten("/volumes/" + path_part(*name) + request.query.text());
}

}  // namespace nestbox::docker
