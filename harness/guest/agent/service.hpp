#pragma once

namespace nestbox::agent {

/// Puts a copy of this program and a systemd unit that starts it into /run: the agent then comes
/// up, as a service, once the machine's boot is complete. False with errno set.
bool install_service();

/// Becomes systemd. Returns when that failed, with errno set.
void hand_over_to_systemd();

}  // namespace nestbox::agent
