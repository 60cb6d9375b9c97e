#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/result.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// What a layer was when it was published: `layer.json` in its directory, version 1.
struct LayerManifest {
  struct File {
    std::string name;  ///< relative, with '/' between parts
    Bytes size;
    std::string digest;  ///< sparse_digest of its content
    bool operator==(const File&) const = default;
  };

  std::string kind;
  std::string description;
  std::vector<File> files;  ///< by name; all but layer.json itself
  std::chrono::sys_seconds created;

  /// Hash of the files alone: what depends on this layer puts it into its own key, so that a layer
  /// rebuilt with other content (newer packages, say) is never mixed with what was made from the
  /// former.
  std::string content() const;

  bool operator==(const LayerManifest&) const = default;
};

inline constexpr const char* k_manifest_name = "layer.json";

/// Hashes the regular files below `directory`. Throws Error(infrastructure) for anything but files
/// and folders.
LayerManifest describe_layer(const fs::path& directory, std::string kind, std::string description);

/// One line of JSON that ends with the digest of all before it.
std::string to_json(const LayerManifest& manifest);

/// Error(corrupt) for whatever to_json did not write, a changed digit included.
Result<LayerManifest> parse_manifest(std::string_view json);

/// Error(corrupt) also when it is missing.
Result<LayerManifest> read_manifest(const fs::path& directory);

/// Whether each file of the layer is, by size and hash, what the manifest says. Error(corrupt)
/// names the first that is not. Reads everything.
Result<void> verify_layer(const fs::path& directory, const LayerManifest& manifest);

/// What stat(2) says of all files that the manifest names, and which boot of the host it was said
/// in: equal text means that nothing was written since. Error(corrupt) when a file is missing.
/// Empty when a file changed so recently that a further write might leave no trace in its times.
Result<std::string> layer_fingerprint(const fs::path& directory, const LayerManifest& manifest);

}  // namespace nestbox
