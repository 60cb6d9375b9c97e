#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/guest/tree_writer.hpp"

/// Trees as tar archives, for machines that know no tree stream.
namespace nestbox {

/// Writes `files`, as Transport::put takes them, to a connected socket as a tar archive. Blocks.
/// Error(io) for what cannot be read, Error(lost) when nobody takes it.
void pack_tree(const std::filesystem::path& root, const std::vector<std::string>& files,
               int socket);

/// Unpacks a foreign tar archive of "./`name`" and what is below it, as Transport::get promises:
/// nothing lands outside `destination`. Hard links are passed over, with a warning. Error(io),
/// Error(corrupt), Error(cancelled).
void unpack_tree(const std::filesystem::path& archive, const std::string& name,
                 const std::filesystem::path& destination, TreeLimits limits,
                 const CancelToken& cancel);

}  // namespace nestbox
