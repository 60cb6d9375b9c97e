#pragma once

#include <optional>
#include <string>

#include "harness/guest/agent/interfaces.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::agent {

/// What of a thaw is done, once it has been checked.
enum class IdentityScope {
  none,       ///< nothing: this machine is somebody's own
  container,  ///< names and network: the kernel, its randomness and its clock are the host's
  machine,    ///< all
};

/// What makes this machine itself: the kernel's randomness, clock, names and network.
class Identity {
public:
  explicit Identity(IdentityScope scope);

  /// Nothing when all is done, else what failed.
  std::optional<std::string> change(const ThawMessage& message);

private:
  std::optional<std::string> apply(const ThawMessage& message);
  std::optional<std::string> renew_kernel(const ThawMessage& message);

  Interfaces m_interfaces;

  IdentityScope m_scope;
  bool m_boot_id_is_ours = false;
};

}  // namespace nestbox::agent
