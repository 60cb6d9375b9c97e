#pragma once

#include <string>
#include <string_view>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/vm/transport.hpp"

/// Files and folders beside nestbox.yml that go into machines.
namespace nestbox {

/// The file or folder below `base_directory` that `source` names, without symbolic links. Throws
/// Error(definition) when it is absent or outside.
fs::path source_beside(std::string_view source, const fs::path& base_directory);

/// Of names, contents and modes of all that put_copied puts.
std::string hash_copied(const fs::path& source);

/// A folder's files (`.git` left out) go below `destination`; a file becomes `destination`, or goes
/// into it under its own name when that ends with a slash. Throws what Transport::put does.
void put_copied(const fs::path& source, const std::string& destination, Transport& transport,
                Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
