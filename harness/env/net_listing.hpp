#pragma once

#include <string>

#include "harness/env/world.hpp"

/// A world's networks, links and machines as text for a person (columns, whole lines) and as JSON
/// (one document, version 1, a newline after it).
namespace nestbox {

/// Each link with its addresses and impairment, and each network's partition.
std::string networks_text(const World& world);
std::string networks_json(const World& world);

/// What happened on each link; in the text, kinds of loss that did not happen are left out.
std::string counters_text(const World& world);
std::string counters_json(const World& world);

/// Names, conditions, environments and addresses.
std::string machines_text(const World& world);
std::string machines_json(const World& world);

}  // namespace nestbox
