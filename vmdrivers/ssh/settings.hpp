#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/guest/ssh_endpoint.hpp"

namespace nestbox::ssh {

/// One host of the pool, as the settings describe it.
struct Host {
  std::string name;  ///< for people; each once
  SshEndpoint endpoint;
  bool sudo = false;
  bool windows = false;
  std::string directory{};  ///< as SshMachineOptions::directory

  bool operator==(const Host&) const = default;
};

/// Reads the text of a settings file (docs/drivers/ssh.md). Throws the first of its mistakes,
/// Error(definition), with its place; `file` names it.
std::vector<Host> parse_settings(std::string_view text, const std::string& file);

/// $NESTBOX_SSH_CONFIG, else nestbox/ssh.yml in $XDG_CONFIG_HOME or ~/.config.
std::filesystem::path settings_file();

/// The hosts of settings_file(); none when there is no such file. Throws Error(definition),
/// Error(io).
std::vector<Host> load_settings();

}  // namespace nestbox::ssh
