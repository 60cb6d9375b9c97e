#pragma once

#include <string>

#include "vmdrivers/ec2/requests.hpp"

namespace nestbox::ec2 {

/// What says of which host something is, beside k_owner_label: who looks after it may have booted
/// anew meanwhile.
inline constexpr const char* k_host_tag = "nestbox.host";

/// Of this host, the same after each boot: a hash of its machine-id and its name, for hosts that
/// were made of one image often share the former. Empty where it has no machine-id.
std::string this_host();

/// Of what this process makes.
Tags ownership_tags();

/// Whether its owner was a process of this host, and is gone. What another host made is looked
/// after by that host.
bool is_abandoned(const Tags& tags);

}  // namespace nestbox::ec2
