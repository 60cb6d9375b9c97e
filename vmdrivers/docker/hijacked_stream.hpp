#pragma once

#include <filesystem>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"

namespace nestbox::docker {

/// A connection that has become a stream of bytes in both directions.
struct HijackedStream {
  FileDescriptor connection;
  std::string head;  ///< of the reply, with the empty line
};

/// Asks the engine for one, which HTTP has no words for: `POST path` with `Upgrade: tcp` and, when
/// it is not empty, `body` as JSON. `path` bears the API's version. Throws Error(not_found),
/// Error(infrastructure) with the engine's words, Error(io), Error(corrupt), Error(timeout),
/// Error(cancelled).
HijackedStream hijack(const std::filesystem::path& socket, const std::string& path,
                      Deadline deadline, const CancelToken& cancel, const std::string& body = {});

/// The number in "HTTP/1.1 101 UPGRADED"; 0 when that is not how it begins.
int status_of(std::string_view head);

}  // namespace nestbox::docker
