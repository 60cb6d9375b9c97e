#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmdrivers/docker/requests.hpp"

namespace nestbox::docker {

/// The part of an engine that one test sees as if it were the whole: what it creates bears other
/// names inside the engine, and labels by which all of it is found.
struct Scope {
  std::string id;           ///< "5f3a0b12", of this scope alone
  std::string owner;        ///< to_string(Owner)
  bool privileged = false;  ///< all that root may do is allowed, mounts of the host too
  bool network = false;     ///< its networks lead out of this host

  /// Before the name of a container, network or volume: "nestbox-5f3a0b12-".
  std::string prefix() const { return "nestbox-" + id + "-"; }
  /// Before the name of an image.
  std::string image_prefix() const { return "nestbox-" + id + "/"; }
  Labels labels() const;
  /// The network of containers that name none, in the place of one that all would share.
  std::string default_network() const { return prefix() + "default"; }
  /// "nestbox.scope=5f3a0b12".
  std::string label() const;
};

/// One that no other has, of this process.
Scope new_scope(const MachineSpec& spec);

/// The label whose value is a scope's id.
inline constexpr const char* k_scope_label = "nestbox.scope";

/// What something that a test names is called inside the engine; nothing when it is not the
/// test's. May ask the engine, and throws what that does.
struct ScopeLookup {
  using Find = std::function<std::optional<std::string>(const std::string&)>;
  Find container;  ///< its whole id
  Find network;    ///< its whole id
  Find volume;     ///< its name
  Find exec;       ///< its id
  Find image;      ///< its name, or its id when it was named by that
  Find alias;      ///< of a container's id: the name that the test gave it
};

/// What is done with a request of the test's.
struct ScopeVerdict {
  enum class Kind {
    refuse,   ///< answer `status` and `reason`
    ping,     ///< answer that all is well
    answer,   ///< answer `body`
    relay,    ///< ask the engine for `target`; all else goes to and fro as it is
    stream,   ///< as relay, but the reply is given the test's names as it comes
    build,    ///< as stream, and images in the Dockerfile are named as inside the engine
    rewrite,  ///< ask the engine for `target` with `body`; its reply is given the test's names
    prune,    ///< remove the containers that `target` lists, with the volumes that only they use
  };
  Kind kind = Kind::refuse;
  int status = 403;
  std::string reason{};
  std::string target{};  ///< without the API's version
  std::optional<nlohmann::json> body{};
  /// Made before, when they are absent: volumes that a container names.
  std::vector<std::string> volumes{};
  bool default_network = false;  ///< likewise: Scope::default_network

  bool operator==(const ScopeVerdict&) const = default;
};

/// Whether the body decides, and must be read before `decide` is asked.
bool body_decides(std::string_view method, std::string_view target);

/// `target`: path and query as the test wrote them, the API's version cut off. `body`: of a
/// request whose body decides. Pure but for `lookup`.
ScopeVerdict decide(const Scope& scope, std::string_view method, std::string_view target,
                    const nlohmann::json& body, const ScopeLookup& lookup);

/// The path behind "/v1.41", or all of it.
std::string_view without_version(std::string_view target);

/// The engine's word with the names that the test gave.
std::string unscoped_text(std::string text, const Scope& scope);

/// The reply with the names that the test gave, and without other tests' images.
nlohmann::json unscoped(nlohmann::json reply, const Scope& scope);

}  // namespace nestbox::docker
