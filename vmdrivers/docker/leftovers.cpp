#include "vmdrivers/docker/leftovers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/log.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/container_removal.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/requests.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto k_removal_time = 120s;

/// One of the engine's lists.
struct Kind {
  const char* word;
  const char* list;    ///< path, ready for "filters"
  const char* member;  ///< of the reply, when that is no list itself
  const char* key;     ///< by which an entry is removed
  const char* remove;  ///< path before; empty: by remove_container
  const char* how;     ///< and behind the key
};

/// What uses comes before what is used.
constexpr Kind k_kinds[] = {
    {"container", "/containers/json?all=1&", "", "Id", "", ""},
    {"network", "/networks?", "", "Id", "/networks/", ""},
    {"volume", "/volumes?", "Volumes", "Name", "/volumes/", "?force=1"},
    {"image", "/images/json?", "", "Id", "/images/", "?force=1"},
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

json list(Engine& engine, const Kind& kind, const std::string& label, Deadline deadline,
          const CancelToken& cancel) {
  const std::string filters = query({{"filters", label_filter({label})}}).substr(1);
  json reply = engine.call({.path = kind.list + filters}, deadline, cancel);
  if (*kind.member && reply.is_object())
    reply = json(reply.value(kind.member, json::array()));
  return reply.is_array() ? reply : json::array();
}

Result<void> remove(Engine& engine, const Kind& kind, const std::string& key, Deadline deadline,
                    const CancelToken& cancel) {
  if (!*kind.remove)
    return remove_container(engine, key, deadline, cancel);
  Result<void> removed = catch_error([&] {
    engine.call({.method = "DELETE", .path = kind.remove + path_part(key) + kind.how}, deadline,
                cancel);
  });
  return !removed && removed.error().code == ErrorCode::not_found ? Result<void>() : removed;
}

/// Why each of the entries could not be removed; empty: it is. One that another of them needs goes
/// after that, whatever their order.
std::vector<std::string> remove_all(Engine& engine, const Kind& kind,
                                    const std::vector<json>& entries, Deadline deadline,
                                    const CancelToken& cancel) {
  std::vector<std::string> failures(entries.size(), "not tried");
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (failures[i].empty())
        continue;
      const Result<void> removed =
          remove(engine, kind, text_at(entries[i], kind.key), deadline, cancel);
      failures[i] = removed ? "" : removed.error().message;
      progress = progress || removed;
    }
  }
  return failures;
}

std::string described(const Kind& kind, const json& entry) {
  return fmt::format("{} '{}'", kind.word, printable(name_of(entry, text_at(entry, kind.key))));
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
  for (const Kind& kind : k_kinds) {
    std::vector<json> entries;
    for (const json& entry :
         list(engine, kind, std::string(k_ours_label) + "=1", deadline, cancel)) {
      const std::optional<std::string> owner = dead_owner(entry);
      // An image that is no test's is a layer, which outlives whoever made it.
      if (!owner
          || (kind.word == std::string_view("image") && !entry["Labels"].contains(k_scope_label)))
        continue;
      entries.push_back(entry);
      leftovers.push_back({.what = described(kind, entry), .owner = *owner});
    }
    if (dry_run)
      continue;
    const std::vector<std::string> failures = remove_all(engine, kind, entries, deadline, cancel);
    const std::size_t first = leftovers.size() - entries.size();
    for (std::size_t i = 0; i < failures.size(); ++i)
      leftovers[first + i].failed = failures[i];
  }
  return leftovers;
}

void remove_scope(Engine& engine, const Scope& scope) {
  const Deadline deadline = Deadline::after(k_removal_time);
  const auto complain = [](const std::string& what, const std::string& why) {
    log(LogLevel::warning,
        fmt::format("{}, which a test has made, could not be removed: {}", what, why));
  };
  for (const Kind& kind : k_kinds) {
    const Result<json> found =
        catch_error([&] { return list(engine, kind, scope.label(), deadline, {}); });
    if (!found) {
      complain(fmt::format("each {}", kind.word), found.error().message);
      continue;
    }
    std::vector<json> entries = found->get<std::vector<json>>();
    // An engine that knows no such filter lists everything.
    std::erase_if(entries, [&](const json& entry) {
      return text_at(entry.is_object() ? entry.value("Labels", json()) : json(), k_scope_label)
             != scope.id;
    });
    const std::vector<std::string> failures = remove_all(engine, kind, entries, deadline, {});
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!failures[i].empty())
        complain(described(kind, entries[i]), failures[i]);
  }
}

}  // namespace nestbox::docker
