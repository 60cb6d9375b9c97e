#pragma once

#include <string>

namespace nestbox::agent {

/// Brings the loopback interface up.
void raise_loopback();

/// Gives the first network device, when there is one, the address, route and name server of QEMU's
/// user network.
void raise_user_network();

/// Gives the first network device an address, "192.0.2.7/24", and brings it up. False with errno
/// set.
bool set_first_address(const std::string& address);

}  // namespace nestbox::agent
