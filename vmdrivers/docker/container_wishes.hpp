#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {

/// The body of a test's `POST /containers/create`, made the scope's own: its network, volumes and
/// other containers by their true names, our labels, `name` (the test's) as an alias in its
/// networks. `verdict` is told what must be there. Throws Error(usage), Error(not_found) when it is
/// refused: what reaches beyond the container is only for privileged scopes, and a setting that we
/// do not know is taken to do so.
nlohmann::json scoped_container(const ScopeRequest& request, const std::string& name,
                                ScopeVerdict& verdict);

/// How a container named `name` (perhaps empty) is wired to a network of the test's; as above.
nlohmann::json scoped_endpoint(const ScopeRequest& request, const nlohmann::json& endpoint,
                               const std::string& name);

}  // namespace nestbox::docker
