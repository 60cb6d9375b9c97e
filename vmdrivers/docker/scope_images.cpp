#include "vmdrivers/docker/scope_images.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope_filters.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

ScopeVerdict created(ScopeRequest& request) {
  // Pulled images are everybody's; imported ones are the test's.
  if (!request.query.get("fromSrc").empty()) {
    request.query.set("repo", scoped_image(request.query.get("repo"), request.scope));
    label_changes(request);
  }
  return relayed("/images/create" + request.query.text());
}

}  // namespace

std::string scoped_image(const std::string& name, const Scope& scope) {
  const auto sound = [](unsigned char c) {
    return std::isalnum(c) != 0
           || std::string_view("_.-/").find(static_cast<char>(c)) != std::string::npos;
  };
  const std::size_t colon = std::min(name.rfind(':'), name.size());
  const std::string repository = name.substr(0, colon);
  if (repository.empty() || name.size() > 200 || name.find('/', colon) != name.npos
      || !std::ranges::all_of(repository, sound))
    throw Error(ErrorCode::usage, "'" + printable(name) + "' is no name for an image of a test",
                "leave out the registry's port");
  return scope.image_prefix() + name;
}

std::optional<std::string> image_path(const std::string& name) {
  std::vector<std::string> parts;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".." || part == ".")
      return std::nullopt;
    parts.push_back(path_part(part));
  }
  return "/images/" + join(parts, "/");
}

void label_changes(ScopeRequest& request) {
  for (const auto& [label, value] : request.scope.labels())
    request.query.add("changes", fmt::format("LABEL {}={}", label, value));
}

ScopeVerdict judge_images(ScopeRequest& request) {
  const std::string& what = request.part(1);
  if (what == "json" && request.gets()) {
    if (const std::string filters = request.query.get("filters"); !filters.empty())
      request.query.set("filters", scoped_image_filters(filters, request.scope, request.lookup));
    return rewritten("/images/json" + request.query.text());
  }
  if (what == "search" && request.gets())
    return relayed("/images/search" + request.query.text());
  if (what == "create" && request.posts())
    return created(request);
  if (what == "prune" && request.posts()) {
    request.query.set("filters",
                      scoped_filters(request.query.get("filters"), request.scope, request.lookup));
    return rewritten("/images/prune" + request.query.text());
  }
  // An image's name may have slashes: what is done to it stands behind the last.
  const std::string last = request.parts.size() > 2 ? request.parts.back() : "";
  const bool reads = request.gets() && (last == "json" || last == "history" || last == "get");
  const bool tags = request.posts() && last == "tag";
  if (!reads && !tags && !request.deletes())
    return not_for_tests(request);
  const std::string name =
      join({request.parts.begin() + 1, request.parts.end() - (reads || tags ? 1 : 0)}, "/");
  const auto own = request.lookup.image(name);
  const auto path = image_path(own.value_or(name));
  if (!path)
    return refusal(404, "No such image: " + printable(name));
  if (!reads && !own)
    return refusal(404, fmt::format("nestbox: image '{}' is not of this test's making; build one "
                                    "'FROM {}'",
                                    printable(name), printable(name)));
  if (tags)
    request.query.set("repo", scoped_image(request.query.get("repo"), request.scope));
  const std::string target = *path + (reads || tags ? "/" + last : "") + request.query.text();
  return tags || last == "get" ? relayed(target) : rewritten(target);
}

ScopeVerdict judge_build(ScopeRequest& request) {
  if (request.part(1) == "prune" && request.posts())
    return {.kind = ScopeVerdict::Kind::answer,
            .body = json({{"CachesDeleted", json::array()}, {"SpaceReclaimed", 0}})};
  if (request.parts.size() != 1 || !request.posts())
    return not_for_tests(request);
  Query& query = request.query;
  if (!query.get("remote").empty() || query.get("version") == "2")
    return refusal(403, "nestbox: images of tests are built from their own files, by the classic "
                        "builder (DOCKER_BUILDKIT=0)");
  ScopeVerdict verdict{.kind = ScopeVerdict::Kind::build};
  query.set("networkmode", network_of(request, query.get("networkmode"), verdict));
  for (std::string& tag : query.all("t"))
    tag = scoped_image(tag, request.scope);
  json labels = json::parse(query.get("labels"), nullptr, false);
  if (!labels.is_object())
    labels = json::object();
  for (const auto& [label, value] : request.scope.labels())
    labels[label] = value;
  query.set("labels", labels.dump(-1, ' ', false, json::error_handler_t::replace));
  query.set("forcerm", "1");
  verdict.target = "/build" + query.text();
  return verdict;
}

}  // namespace nestbox::docker
