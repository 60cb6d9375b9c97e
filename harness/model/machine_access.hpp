#pragma once

#include <string>
#include <vector>

/// How a test's own process gets at the machines that it drives from outside: plain data.
namespace nestbox {

struct MachineAccess {
  std::string name;
  std::string address{};  ///< by which the other machines reach it; empty: they do not
  std::string user{};     ///< who is let in over ssh; empty: nobody is, and the rest means nothing
  std::string host{};     ///< where its ssh server is, as seen from the test's process
  int port = 22;
  bool by_verb = false;  ///< no network leads there from the test's process: `nestbox connect` does

  bool operator==(const MachineAccess&) const = default;
};

/// Absolute paths, where the test's process runs.
struct AccessFiles {
  std::string key{};  ///< a private one, which opens every machine
  std::string known_hosts{};
  std::string ssh_config{};

  bool operator==(const AccessFiles&) const = default;
};

/// The text of `files.ssh_config`: with it `ssh NAME` enters the machine of that name.
std::string ssh_config(const std::vector<MachineAccess>& machines, const AccessFiles& files);

}  // namespace nestbox
