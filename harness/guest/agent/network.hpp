#pragma once

namespace nestbox::agent {

/// Brings the loopback interface up.
void raise_loopback();

/// Gives the device of QEMU's user network, when there is one, its address, route and name server.
void raise_user_network();

}  // namespace nestbox::agent
