#include "vmdrivers/docker/leftovers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

/// One of the engine's lists.
struct Kind {
  const char* word;
  const char* list;    ///< path, ready for "filters"
  const char* member;  ///< of the reply, when that is no list itself
  const char* key;     ///< by which an entry is removed
  const char* remove;  ///< path before and
  const char* how;     ///< behind it
};

/// What uses comes before what is used.
constexpr Kind k_kinds[] = {
    {"container", "/containers/json?all=1&", "", "Id", "/containers/", "?force=1&v=1"},
    {"network", "/networks?", "", "Id", "/networks/", ""},
    {"volume", "/volumes?", "Volumes", "Name", "/volumes/", "?force=1"},
};

std::string name_of(const json& entry, const std::string& key) {
  if (const auto names = entry.find("Names");
      names != entry.end() && names->is_array() && !names->empty() && names->front().is_string()) {
    const std::string name = names->front().get<std::string>();
    return name.substr(name.starts_with('/') ? 1 : 0);
  }
  if (const auto name = entry.find("Name"); name != entry.end() && name->is_string())
    return name->get<std::string>();
  return key;
}

json list(Engine& engine, const Kind& kind, Deadline deadline, const CancelToken& cancel) {
  const std::string filters =
      query({{"filters", label_filter({std::string(k_ours_label) + "=1"})}}).substr(1);
  json reply = engine.call({.path = kind.list + filters}, deadline, cancel);
  if (*kind.member && reply.is_object())
    reply = json(reply.value(kind.member, json::array()));
  return reply.is_array() ? reply : json::array();
}

}  // namespace

std::optional<std::string> dead_owner(const json& entry) {
  const auto labels = entry.is_object() ? entry.find("Labels") : entry.end();
  if (labels == entry.end() || !labels->is_object() || !labels->contains(k_owner_label)
      || !(*labels)[k_owner_label].is_string())
    return std::nullopt;
  const std::string text = (*labels)[k_owner_label].get<std::string>();
  const Result<Owner> owner = parse_owner(text);
  if (!owner || (::getuid() != 0 && owner->user != ::getuid()))
    return std::nullopt;
  // An engine's things are of one host: an owner of another boot is as gone as one that has ended.
  return state_of(*owner) == OwnerState::alive ? std::nullopt : std::optional(text);
}

std::vector<Leftover> reap_leftovers(Engine& engine, bool dry_run, Deadline deadline,
                                     const CancelToken& cancel) {
  std::vector<Leftover> leftovers;
  for (const Kind& kind : k_kinds)
    for (const json& entry : list(engine, kind, deadline, cancel)) {
      const std::optional<std::string> owner = dead_owner(entry);
      if (!owner)
        continue;
      const std::string key = entry.value(kind.key, "");
      Leftover leftover{.what = fmt::format("{} '{}'", kind.word, printable(name_of(entry, key))),
                        .owner = *owner};
      const EngineRequest removal{.method = "DELETE",
                                  .path = kind.remove + path_part(key) + kind.how};
      if (!dry_run)
        if (const Result<json> removed =
                catch_error([&] { return engine.call(removal, deadline, cancel); });
            !removed && removed.error().code != ErrorCode::not_found)
          leftover.failed = removed.error().message;
      leftovers.push_back(std::move(leftover));
    }
  return leftovers;
}

}  // namespace nestbox::docker
