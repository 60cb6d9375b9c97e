#pragma once

#include <filesystem>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"

namespace nestbox::docker {

/// Asks the engine for a connection that becomes a stream of bytes in both directions, which HTTP
/// has no words for: `POST path` with `Upgrade: tcp`. `path` bears the API's version. Throws
/// Error(not_found), Error(infrastructure) with the engine's words, Error(io), Error(corrupt),
/// Error(timeout), Error(cancelled).
FileDescriptor hijack(const std::filesystem::path& socket, const std::string& path,
                      Deadline deadline, const CancelToken& cancel);

/// The number in "HTTP/1.1 101 UPGRADED"; 0 when that is not how it begins.
int status_of(std::string_view head);

}  // namespace nestbox::docker
