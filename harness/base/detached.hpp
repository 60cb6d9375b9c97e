#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/scope.hpp"

namespace nestbox {

/// Starts this very program once more, in a session of its own: it outlives us, and no terminal's
/// signals reach it. `arguments` follow its name; its stdout and stderr are appended to `log`, and
/// it has the descriptor `inherited` as its number 3. Throws Error(io).
void start_detached(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                    const FileDescriptor& inherited);

}  // namespace nestbox
