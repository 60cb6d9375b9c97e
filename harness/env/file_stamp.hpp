#pragma once

#include <filesystem>
#include <string>

namespace nestbox {

/// What stat(2) says of a file, this boot of the host: another text once the file has changed.
/// Empty when it changed so lately that one more change could go unseen. Throws Error(io).
std::string file_stamp(const std::filesystem::path& path);

/// sparse_digest of a file. It is kept below `notes`, and the file read again only when its stamp
/// is another one, or there is none. Throws Error(io).
std::string known_digest(const std::filesystem::path& path, const std::filesystem::path& notes);

}  // namespace nestbox
