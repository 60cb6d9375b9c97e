#pragma once

#include <filesystem>
#include <string>

namespace nestbox {

/// A digest of a file's size and content that costs time for what it holds, not for its holes: the
/// SHA-256 over the size and, in order, offset and bytes of each 64 KiB block that is not all
/// zeros. How the filesystem stores zeros makes no difference. Throws Error(io).
std::string sparse_digest(const std::filesystem::path& path);

}  // namespace nestbox
