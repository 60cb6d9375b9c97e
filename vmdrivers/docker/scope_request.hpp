#pragma once

#include <initializer_list>

#include "vmdrivers/docker/query.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// One request of a test's, taken apart for those who judge it. They throw Error(usage) for what is
/// refused, Error(not_found) for what the test does not have.
struct ScopeRequest {
  ScopeRequest(const Scope& of, std::string_view method, std::string_view target,
               const nlohmann::json& content, const ScopeLookup& names);

  const Scope& scope;
  const ScopeLookup& lookup;
  const nlohmann::json& body;
  std::string method;
  std::vector<std::string> parts;  ///< of the path, as they are meant; at least one
  Query query;

  bool gets() const { return method == "GET"; }
  bool posts() const { return method == "POST"; }
  bool deletes() const { return method == "DELETE"; }
  /// Empty when there are fewer.
  const std::string& part(std::size_t index) const;
};

ScopeVerdict refusal(int status, std::string reason);
ScopeVerdict relayed(std::string target);
ScopeVerdict rewritten(std::string target, std::optional<nlohmann::json> body = std::nullopt);

/// Whatever has no rule.
ScopeVerdict not_for_tests(const ScopeRequest& request);

ScopeVerdict judge_containers(ScopeRequest& request);
ScopeVerdict judge_exec(ScopeRequest& request);
ScopeVerdict judge_commit(ScopeRequest& request);
ScopeVerdict judge_networks(ScopeRequest& request);
ScopeVerdict judge_volumes(ScopeRequest& request);
ScopeVerdict judge_images(ScopeRequest& request);
ScopeVerdict judge_build(ScopeRequest& request);

/// What to do about a refusal of what only root of the host may do.
inline constexpr const char* k_privileged_hint =
    "write 'needs: {privileged: true}' if the test must have it";

/// `name`, if the engine itself takes it for one.
const std::string& checked_name(const std::string& name);
/// The text that `object` has at `key`, likewise.
std::string checked_name_at(const nlohmann::json& object, const char* key);

/// `object`, if it has no other keys than these: an engine takes them in any case, the last of them
/// counts, and what nobody has thought of may reach anywhere. `what` is for the refusal.
const nlohmann::json& only(const nlohmann::json& object, std::initializer_list<const char*> keys,
                           const char* what);

/// What a client writes for "nothing".
bool is_nothing(const nlohmann::json& value);

/// `body` with the scope's labels among its own.
void add_labels(nlohmann::json& body, const Scope& scope);

/// The network that a container is to be in, as a test names it. `verdict` is told when it is
/// Scope::default_network.
std::string network_of(const ScopeRequest& request, const std::string& name, ScopeVerdict& verdict);

/// The whole id of the test's container.
std::string container_of(const ScopeRequest& request, const std::string& name);

}  // namespace nestbox::docker
