#pragma once

#include <filesystem>
#include <iosfwd>

namespace nestbox {

struct InitOptions {
  std::filesystem::path directory;  ///< where nestbox.yml is to be
  bool print = false;               ///< to `output` instead of the file
};

/// Writes a nestbox.yml that fits what the directory holds (test scripts, Makefile, CMake, pytest,
/// Go, Rust, …). The exit code: 0, or 2 when there is a nestbox.yml already, which is never
/// touched.
int run_init(const InitOptions& options, std::ostream& output, std::ostream& diagnostics);

}  // namespace nestbox
