#pragma once

#include <set>
#include <string>
#include <string_view>

namespace nestbox {

/// The ports on which a machine that has this IPv4 address takes TCP connections from others, as
/// its /proc/net/tcp and /proc/net/tcp6 tell; lines that are no rows of these are passed over.
std::set<int> listening_ports(std::string_view tables, const std::string& own_address);

}  // namespace nestbox
