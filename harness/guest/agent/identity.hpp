#pragma once

#include <optional>
#include <string>

#include "harness/guest/agent/interfaces.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::agent {

/// What makes this machine itself: the kernel's randomness, clock, names and network.
class Identity {
public:
  /// `real`: false checks messages but leaves the machine alone.
  explicit Identity(bool real);

  /// Nothing when all is done, else what failed.
  std::optional<std::string> change(const ThawMessage& message);

private:
  std::optional<std::string> apply(const ThawMessage& message);

  Interfaces m_interfaces;

  bool m_real;
  bool m_boot_id_is_ours = false;
};

}  // namespace nestbox::agent
