#include <unistd.h>

#include <cstdlib>

#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

std::optional<std::filesystem::path> find_program(const std::string& name,
                                                  const std::string& path) {
  for (const std::string& directory : split(path + ":/usr/local/sbin:/usr/sbin:/sbin", ':')) {
    // An empty part means the working directory: whatever lies there is not to be run by its bare
    // name.
    const std::filesystem::path candidate = std::filesystem::path(directory) / name;
    std::error_code error;
    if (!directory.empty() && std::filesystem::is_regular_file(candidate, error)
        && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return std::nullopt;
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  return find_program(name, path ? path : "/usr/local/bin:/usr/bin:/bin");
}

}  // namespace nestbox
