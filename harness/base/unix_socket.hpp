#pragma once

#include <filesystem>

#include "harness/base/scope.hpp"

namespace nestbox {

/// Stream sockets that are known by a path, close-on-exec. Both throw Error(io), also for a path
/// that is too long for one.

/// Listens; does not block. In the place of what is at `path`.
FileDescriptor listen_on_path(const std::filesystem::path& path);

/// Connected to who listens there.
FileDescriptor connect_to_path(const std::filesystem::path& path);

}  // namespace nestbox
