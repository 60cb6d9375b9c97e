#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "vmdrivers/docker/container_wishes.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope_filters.hpp"
#include "vmdrivers/docker/scope_images.hpp"
#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;
using Kind = ScopeVerdict::Kind;

std::string filtered(ScopeRequest& request) {
  request.query.set("filters",
                    scoped_filters(request.query.get("filters"), request.scope, request.lookup));
  return request.query.text();
}

/// By hand, for the engine's own way leaves the unnamed volumes of what it removes, which bear no
/// label of ours.
ScopeVerdict pruned(ScopeRequest& request) {
  json filters = json::parse(
      scoped_filters(request.query.get("filters"), request.scope, request.lookup), nullptr, false);
  filters["status"] = {"created", "exited", "dead"};
  return {.kind = Kind::prune,
          .target = "/containers/json" + query({{"all", "1"}, {"filters", filters.dump()}})};
}

ScopeVerdict created(ScopeRequest& request) {
  const std::string name = request.query.get("name");
  if (!name.empty())
    request.query.set("name", request.scope.prefix() + checked_name(name));
  ScopeVerdict verdict = rewritten("/containers/create" + request.query.text());
  verdict.body = scoped_container(request, name, verdict);
  return verdict;
}

ScopeVerdict exec_created(const ScopeRequest& request, const std::string& target) {
  only(request.body,
       {"AttachStdin", "AttachStdout", "AttachStderr", "Cmd", "ConsoleSize", "Detach", "DetachKeys",
        "Env", "Privileged", "Tty", "User", "WorkingDir"},
       "a command");
  if (!request.scope.privileged && !is_nothing(request.body.value("Privileged", json())))
    return refusal(403,
                   fmt::format("nestbox: a privileged command reaches beyond the container; {}",
                               k_privileged_hint));
  return rewritten(target, request.body);
}

}  // namespace

ScopeVerdict judge_containers(ScopeRequest& request) {
  static constexpr std::array k_actions = {"",        "json",    "top",    "logs",    "changes",
                                           "export",  "stats",   "resize", "start",   "stop",
                                           "restart", "kill",    "pause",  "unpause", "attach",
                                           "wait",    "archive", "update", "exec",    "rename"};
  const std::string& what = request.part(1);
  if (what == "json" && request.gets() && request.parts.size() == 2)
    return rewritten("/containers/json" + filtered(request));
  if (what == "prune" && request.posts())
    return pruned(request);
  if (what == "create" && request.posts())
    return created(request);
  const std::string& action = request.part(2);
  if (std::ranges::find(k_actions, action) == k_actions.end() || request.parts.size() > 3
      || (action.empty() && !request.deletes()))
    return not_for_tests(request);
  const std::string path = "/containers/" + container_of(request, what);
  if (action.empty()) {
    // The test does not see volumes without its labels, so nobody else would remove them.
    request.query.set("v", "1");
    return rewritten(path + request.query.text());
  }
  if (action == "rename")
    request.query.set("name", request.scope.prefix() + checked_name(request.query.get("name")));
  const std::string target = path + "/" + action + request.query.text();
  if (action == "exec")
    return exec_created(request, target);
  if (action == "stats")
    return {.kind = Kind::stream, .target = target};
  return action == "json" ? rewritten(target) : relayed(target);
}

ScopeVerdict judge_exec(ScopeRequest& request) {
  const std::string& action = request.part(2);
  if (request.parts.size() != 3 || (action != "start" && action != "resize" && action != "json"))
    return not_for_tests(request);
  const auto id = request.lookup.exec(request.part(1));
  if (!id)
    return refusal(404, "No such exec instance: " + printable(request.part(1)));
  return relayed("/exec/" + *id + "/" + action + request.query.text());
}

ScopeVerdict judge_commit(ScopeRequest& request) {
  if (!request.posts() || request.parts.size() != 1)
    return not_for_tests(request);
  request.query.set("container", container_of(request, request.query.get("container")));
  if (const std::string repository = request.query.get("repo"); !repository.empty())
    request.query.set("repo", scoped_image(repository, request.scope));
  label_changes(request);
  return relayed("/commit" + request.query.text());
}

}  // namespace nestbox::docker
