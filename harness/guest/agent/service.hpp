#pragma once

namespace nestbox::agent {

/// Puts a copy of this program and a systemd unit that starts it into /run: the agent then comes
/// up, as a service, once the machine's boot is complete. False with errno set.
bool install_service();

/// Puts a copy of this program into /run, where it outlives the initramfs. False with errno set.
bool copy_agent();

/// Lets commands call the host as `nestbox`, which is the program at `agent` by another name.
void install_client(const char* agent);

inline constexpr char k_agent_copy[] = "/run/nestbox/agent";

/// Becomes systemd. Returns when that failed, with errno set.
void hand_over_to_systemd();

}  // namespace nestbox::agent
