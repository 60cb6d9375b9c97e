#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestbox::docker_machine {

/// How machines are created, as the settings describe it.
struct Settings {
  /// Its first words: the program, and what comes before each of its commands.
  std::vector<std::string> program = {"docker-machine"};
  std::string driver;  ///< docker-machine's own: "amazonec2", "virtualbox"
  /// Its options without their dashes, in the order of the file; one without a value is a switch.
  std::vector<std::pair<std::string, std::optional<std::string>>> options{};
  bool sudo = true;  ///< commands run as root; nothing to do where the machine's user is root
  std::string directory = ".cache/nestbox";  ///< in the machine, as SshMachineOptions has it

  bool operator==(const Settings&) const = default;
};

/// Reads the text of a settings file (docs/drivers/docker-machine.md). Throws the first of its
/// mistakes, Error(definition), with its place; `file` names it.
Settings parse_settings(std::string_view text, const std::string& file);

/// $NESTBOX_DOCKER_MACHINE_CONFIG, else nestbox/docker-machine.yml in $XDG_CONFIG_HOME or
/// ~/.config.
std::filesystem::path settings_file();

/// Nothing when there is no settings_file(). Throws Error(definition), Error(io).
std::optional<Settings> load_settings();

}  // namespace nestbox::docker_machine
