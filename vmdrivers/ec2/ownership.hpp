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

/// What says of which cache an image's layer is, or was.
inline constexpr const char* k_cache_tag = "nestbox.cache";

/// Of this user's cache on this host; empty where this_host() is.
std::string this_cache();

/// Of what this process makes.
Tags ownership_tags();
/// Of images, which stay without an owner for as long as their layer does.
Tags image_tags();

/// With what AWS's own pages show as a thing's name.
Tags named(Tags tags, const std::string& name);

/// Whether its owner was a process of this host, and is gone. What another host made, or is for
/// another cache of this one, is looked after there.
bool is_abandoned(const Tags& tags);

/// Whether it has no owner but a layer of this cache.
bool is_of_this_cache(const Tags& tags);

/// What the layers of this cache say of their machines, in one text.
std::string texts_of_layers();

}  // namespace nestbox::ec2
