#include "vmdrivers/docker/scope_lookup.hpp"

#include "harness/base/text.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/scope_images.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto k_question_time = 60s;

/// What the engine says of something, or nothing when there is no such thing.
std::optional<json> look(Engine& engine, const std::string& path, const CancelToken& cancel) {
  Result<json> found = catch_error(
      [&] { return engine.call({.path = path}, Deadline::after(k_question_time), cancel); });
  if (found)
    return std::move(*found);
  if (found.error().code == ErrorCode::not_found)
    return std::nullopt;
  throw found.error();
}

/// `labels_at`: the keys that lead to its labels.
bool is_ours(json found, const std::vector<std::string>& labels_at, const Scope& scope) {
  for (const std::string& key : labels_at)
    found = found.is_object() ? json(found.value(key, json())) : json();
  return text_at(found, k_scope_label) == scope.id;
}

/// By the name that the test gave it, or by its id.
std::optional<std::string> find_labelled(Engine& engine, const Scope& scope,
                                         const std::string& name, const std::string& before,
                                         const std::string& behind,
                                         const std::vector<std::string>& labels_at,
                                         const CancelToken& cancel) {
  if (name.empty())
    return std::nullopt;
  for (const std::string& each : {scope.prefix() + name, name}) {
    const std::optional<json> found = look(engine, before + path_part(each) + behind, cancel);
    if (found && is_ours(*found, labels_at, scope))
      return id_of(*found);
  }
  return std::nullopt;
}

}  // namespace

ScopeLookup engine_lookup(Engine& engine, const Scope& scope, const CancelToken& cancel) {
  ScopeLookup lookup;
  lookup.container = [&engine, &scope, cancel](const std::string& name) {
    return find_labelled(engine, scope, name, "/containers/", "/json", {"Config", "Labels"},
                         cancel);
  };
  lookup.network = [&engine, &scope, cancel](const std::string& name) {
    const bool usual = name == "bridge" || name == "default";
    return find_labelled(engine, scope, usual ? "default" : name, "/networks/", "", {"Labels"},
                         cancel);
  };
  lookup.volume = [&engine, &scope, cancel](const std::string& name) -> std::optional<std::string> {
    for (const std::string& each : {scope.prefix() + name, name}) {
      const auto found = look(engine, "/volumes/" + path_part(each), cancel);
      if (found && is_ours(*found, {"Labels"}, scope))
        return each;
    }
    return std::nullopt;
  };
  lookup.exec = [&engine, cancel, container = lookup.container](
                    const std::string& id) -> std::optional<std::string> {
    const auto found = look(engine, "/exec/" + path_part(id) + "/json", cancel);
    if (!found || !container(text_at(*found, "ContainerID")))
      return std::nullopt;
    return id_of(*found, "ID");
  };
  lookup.image = [&engine, &scope, cancel](const std::string& name) -> std::optional<std::string> {
    const auto ours = [&](const std::string& each) {
      const std::optional<std::string> path = image_path(each);
      const auto found = path ? look(engine, *path + "/json", cancel) : std::nullopt;
      return found && is_ours(*found, {"Config", "Labels"}, scope);
    };
    for (const std::string& each : {scope.image_prefix() + name, name})
      if (ours(each))
        return each;
    return std::nullopt;
  };
  lookup.alias = [&engine, &scope, cancel](const std::string& id) -> std::optional<std::string> {
    const auto found = look(engine, "/containers/" + path_part(id) + "/json", cancel);
    const std::string name = found ? text_at(*found, "Name") : "";
    const std::string begin = "/" + scope.prefix();
    return name.starts_with(begin) ? std::optional(name.substr(begin.size())) : std::nullopt;
  };
  return lookup;
}

}  // namespace nestbox::docker
