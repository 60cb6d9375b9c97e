#pragma once

#include <string>

#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// `filters` of a list (JSON, or empty), its names as they are inside the engine, and nothing but
/// the scope's own let through. Clients write lists, or objects whose keys count. Throws
/// Error(usage) for what is neither.
std::string scoped_filters(const std::string& written, const Scope& scope,
                           const ScopeLookup& lookup);

/// The same for a list of images, which are everybody's but for those of other tests.
std::string scoped_image_filters(const std::string& written, const Scope& scope,
                                 const ScopeLookup& lookup);

}  // namespace nestbox::docker
