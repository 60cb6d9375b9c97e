#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/guest/agent/netlink.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::agent {

/// The wired network devices of this machine, and what each was given last.
class Interfaces {
public:
  using Wanted = std::vector<ThawMessage::Interface>;

  /// What is wrong with a request, whatever the machine.
  static std::optional<std::string> flaw(const Wanted& wanted);

  /// Makes the devices, in their order on the bus, what a sound request says; those that are what
  /// they were given before are left alone. Nothing when all is done, else what failed.
  std::optional<std::string> change(const Wanted& wanted);

private:
  std::optional<std::string> change(const std::string& name, const ThawMessage::Interface& from,
                                    const ThawMessage::Interface& to);

  RouteSocket m_routes;
  Wanted m_given;
};

}  // namespace nestbox::agent
