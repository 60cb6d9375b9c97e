#pragma once

#include <filesystem>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// The file in a snapshot's directory that holds its spec.
inline constexpr char k_snapshot_file[] = "snapshot.json";

/// The file in it that holds the machine's RAM. Who stores a snapshot leaves its owner's permission
/// to write as it is: QEMU before 8.2 opens the file for writing even to map it privately.
inline constexpr char k_ram_file[] = "ram";

/// The folder of a cache that holds its layers, each in a directory of its own; snapshots, too.
inline constexpr char k_layers_folder[] = "layers";

/// Writes the spec of `snapshot` into its directory, read-only. Files that lie in the directory are
/// named relative to it, so that it can be renamed; so are those in other layers of the cache that
/// it is in (`../../layers/…`), so that the cache can be elsewhere on another host.
/// `save_directory` is not kept. Throws Error(io).
void store_snapshot(const Snapshot& snapshot);

/// Reads a snapshot from where it lies now. Error(not_found) when there is none, Error(corrupt)
/// when its text is not what store_snapshot writes or is of another version.
Snapshot load_snapshot(const std::filesystem::path& directory);

}  // namespace nestbox
