#pragma once

#include <vector>

#include "harness/base/clock.hpp"
#include "harness/env/layer_manifest.hpp"

namespace nestbox {

/// Writes the files of a layer that its manifest names into one archive (pax, zstd): holes stay
/// holes, owners and times are not kept, so that equal layers are equal bytes. Throws Error(io),
/// Error(cancelled).
void pack_layer(const fs::path& directory, const LayerManifest& manifest, const fs::path& archive,
                const CancelToken& cancel);

/// Fills the empty `directory` from such an archive. Only files that the manifest names, of the
/// sizes it gives, come out, and what came out is hashed. Throws Error(corrupt) when that is not
/// the layer, Error(io), Error(cancelled).
void unpack_layer(const fs::path& archive, const LayerManifest& manifest, const fs::path& directory,
                  const CancelToken& cancel);

}  // namespace nestbox
