#pragma once

#include <filesystem>
#include <string>

namespace nestbox {

/// The file in which people describe one part of nestbox: the one that the environment variable
/// `variable` names, else `name` in $XDG_CONFIG_HOME/nestbox or ~/.config/nestbox. Need not exist.
std::filesystem::path configuration_file(const char* variable, const std::string& name);

/// "~/x" in such a file means what it means to a shell; other paths are as they are.
std::filesystem::path with_home(const std::string& path);

}  // namespace nestbox
