#pragma once

#include <string>

#include "harness/model/definition.hpp"

namespace nestbox {

/// The hash of a step's own content (for a copy step: `content_hash`, the hash of the files
/// copied). Files count by content and mode, never by modification time.
std::string content_key(const Step& step, const std::string& content_hash = {});

}  // namespace nestbox
