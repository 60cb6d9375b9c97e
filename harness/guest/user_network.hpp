#pragma once

/// QEMU's user network (slirp), as its manual has it, and how its device is told from those that
/// are wired to other machines. Shared by who makes the device and by who configures it.
namespace nestbox {

inline constexpr char k_user_network_mac[] = "52:54:00:6e:62:75";
inline constexpr char k_user_network_address[] = "10.0.2.15/24";
inline constexpr char k_user_network_gateway[] = "10.0.2.2";
inline constexpr char k_user_network_name_server[] = "10.0.2.3";

}  // namespace nestbox
