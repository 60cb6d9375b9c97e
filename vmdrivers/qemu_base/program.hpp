#pragma once

#include <filesystem>
#include <string>

#include "harness/base/result.hpp"

namespace nestbox::qemu {

/// The QEMU of this host.
struct Program {
  std::filesystem::path path;
  std::string version;  ///< "7.2.22"
  std::string digest;   ///< SHA-256 of the file

  bool operator==(const Program&) const = default;
};

/// Looks for qemu-system-x86_64 in PATH. What is asked of the file itself is kept at `cache` and
/// asked again only when stat(2) says that it changed. Error(unsupported) with a hint when there is
/// none.
Result<Program> find_program(const std::filesystem::path& cache);

}  // namespace nestbox::qemu
