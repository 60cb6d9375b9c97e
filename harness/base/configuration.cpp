#include "harness/base/configuration.hpp"

#include <cstdlib>

namespace nestbox {

namespace {

std::string variable_or(const char* name, const std::string& otherwise) {
  const char* const value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::filesystem::path home_directory() {
  return variable_or("HOME", "/");
}

}  // namespace

std::filesystem::path configuration_file(const char* variable, const std::string& name) {
  if (const std::string file = variable_or(variable, ""); !file.empty())
    return file;
  const std::filesystem::path base = variable_or("XDG_CONFIG_HOME", "");
  // The XDG base directory specification: a relative path there counts as none.
  return (base.is_absolute() ? base : home_directory() / ".config") / "nestbox" / name;
}

std::filesystem::path with_home(const std::string& path) {
  return path.starts_with("~/") ? home_directory() / path.substr(2) : std::filesystem::path(path);
}

}  // namespace nestbox
