#pragma once

#include <string>
#include <vector>

#include "harness/model/definition.hpp"

namespace nestbox {

/// The hash of a step's own content (for a copy step: `content_hash`, the hash of the files
/// copied). Files count by content and mode, never by modification time.
std::string content_key(const Step& step, const std::string& content_hash = {});

/// The hash of all that makes a topology's saved world: its networks, its machines and its set-up,
/// not its name. `environment_keys`: of each machine, in order, the key of what it is started from;
/// `content_hashes`: of each set-up step, in order, the hash of the files it copies from beside the
/// definition, "" for every other.
std::string content_key(const Topology& topology, const std::vector<std::string>& environment_keys,
                        const std::vector<std::string>& content_hashes);

}  // namespace nestbox
