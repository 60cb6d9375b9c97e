#pragma once

#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/env/apt_sources.hpp"
#include "harness/env/build_context.hpp"

namespace nestbox {

/// The host's apt on sources of our choice, with lists, cache and state in a directory of its own:
/// needs no root and leaves the host's own state alone. Throws Error(infrastructure) when a tool or
/// the network is absent.
class DebianPackages {
public:
  /// Fetches the package lists. `directory` must be empty, and live as long.
  DebianPackages(fs::path directory, const std::vector<AptSource>& sources,
                 const BuildContext& context);

  /// The one package that a meta package depends on: "linux-image-6.1.0-56-cloud-amd64".
  std::string resolve(const std::string& meta_package);

  /// Downloads the package (without what it depends on) and unpacks its files below `destination`.
  void unpack(const std::string& package, const fs::path& destination);

private:
  std::vector<std::string> apt(const std::string& program,
                               const std::vector<std::string>& arguments) const;

  fs::path m_directory;
  const BuildContext& m_context;
};

}  // namespace nestbox
