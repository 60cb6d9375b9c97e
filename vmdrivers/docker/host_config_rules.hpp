#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nestbox::docker {

/// Whether a setting of a test's HostConfig that names nothing else of the engine reaches no
/// further than the container. Throws Error(usage) when it does, or is not known.
void check_host_setting(const std::string& key, const nlohmann::json& value);

/// The refusal of `what`.
[[noreturn]] void refuse_reach(const std::string& what);

}  // namespace nestbox::docker
