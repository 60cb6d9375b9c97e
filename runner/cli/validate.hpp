#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace nestbox {

struct ValidateOptions {
  std::filesystem::path
      directory;  ///< where to begin looking for nestbox.yml; usually the current one
  std::vector<std::string>
      paths;  ///< definitions, scripts or folders of scripts; none: nestbox.yml, found upwards
  bool json = false;
};

/// Checks definitions and script headers and says every mistake, on `diagnostics` for a person,
/// with `json` as one list on `output`. The exit code: 0, or 2 after a mistake or when there is
/// nothing to check.
int run_validate(const ValidateOptions& options, std::ostream& output, std::ostream& diagnostics);

}  // namespace nestbox
