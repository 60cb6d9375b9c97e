#pragma once

#include <string>
#include <vector>

#include "harness/base/scope.hpp"

namespace nestbox::bench {

/// All that must be said to a restored guest's agent to have a command run, in one piece.
std::string command_frames(const std::vector<std::string>& command);

/// Throws Error(io) when not all of it can be written at once.
void send_all(const FileDescriptor& socket, std::string_view bytes);

/// Returns when the first byte of the command's output has come.
void await_output(const FileDescriptor& socket);

}  // namespace nestbox::bench
