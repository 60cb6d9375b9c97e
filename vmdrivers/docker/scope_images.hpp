#pragma once

#include <string>

#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {

/// The name inside the engine of an image that the test makes: repository and perhaps a tag. Throws
/// Error(usage) for what is no such name.
std::string scoped_image(const std::string& name, const Scope& scope);

/// "/images/team/app%3A1"; nothing for what is no image's name or id.
std::optional<std::string> image_path(const std::string& name);

/// Has the image that comes of the request bear the scope's labels.
void label_changes(ScopeRequest& request);

}  // namespace nestbox::docker
