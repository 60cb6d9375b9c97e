#pragma once

#include <filesystem>

namespace nestbox::qemu {

/// Where a machine's RAM lives.
struct RamFile {
  std::filesystem::path path;
  /// True: what the guest writes goes to the file (a template being made). False: to this machine's
  /// private memory (a clone): the file must never change.
  bool shared = false;

  bool operator==(const RamFile&) const = default;
};

}  // namespace nestbox::qemu
