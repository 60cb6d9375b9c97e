#pragma once

#include <string>
#include <vector>

#include "harness/base/subprocess.hpp"
#include "harness/env/build_context.hpp"

namespace nestbox {

/// Runs a shell script of ours with the powers of root over `directory` (its working directory):
/// mounts, foreign owners, chroot. As root in a mount and process namespace, else in a user
/// namespace too (root in there is the caller here). `tmp` below the directory is a scratch folder,
/// in memory when the host has enough of it, for that spares every fsync; TMPDIR names it. Mounts,
/// memory and processes die with the script, however it dies. `arguments` are $1, $2…; `script`
/// holds no foreign text. Throws as run_tool does.
void run_in_build_namespace(const fs::path& directory, const std::string& script,
                            const std::vector<std::string>& arguments, Deadline deadline,
                            const BuildContext& context);

/// remove_tree for what a build left behind when it was killed: files may belong to users of its
/// namespace.
void remove_build_tree(const fs::path& directory) noexcept;

}  // namespace nestbox
