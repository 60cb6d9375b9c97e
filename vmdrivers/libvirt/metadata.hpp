#pragma once

/// What every domain of ours bears, so that a later nestbox knows it.
namespace nestbox::libvirt {

inline constexpr char k_metadata_uri[] = "urn:nestbox:machine:1";
inline constexpr char k_metadata_owner[] = "owner";

}  // namespace nestbox::libvirt
