#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/guest/ssh_endpoint.hpp"
#include "vmdrivers/docker_machine/settings.hpp"

/// docker-machine's command line, and what it answers; pure.
namespace nestbox::docker_machine {

std::vector<std::string> create_command(const Settings& settings, const std::string& name);
std::vector<std::string> inspect_command(const Settings& settings, const std::string& name);
/// Says no word about a machine that is not there.
std::vector<std::string> remove_command(const Settings& settings, const std::string& name);
std::vector<std::string> version_command(const Settings& settings);

/// A machine as `inspect` describes it.
struct Description {
  SshEndpoint endpoint;                ///< any host key will do: nobody knows it
  std::vector<std::string> addresses;  ///< Machine::addresses

  bool operator==(const Description&) const = default;
};

/// Error(corrupt) when it is not what docker-machine prints.
Result<Description> parse_inspect(std::string_view json);

}  // namespace nestbox::docker_machine
