#pragma once

#include <optional>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/blob/blob_store.hpp"
#include "harness/blob/linked_blob_store.hpp"
#include "harness/env/layer_cache.hpp"
#include "harness/env/layer_manifest.hpp"

namespace nestbox {

/// What a store's record `layers/KEY` says of a layer.
struct LayerRecord {
  LayerManifest manifest;
  BlobId archive;

  bool operator==(const LayerRecord&) const = default;
};

/// Its text (JSON, version 1), and back. Error(corrupt).
std::string to_json(const LayerRecord& record);
Result<LayerRecord> parse_layer_record(std::string_view json);

/// Layers in a store, for other hosts to begin with: an archive for each, by its content, and a
/// record that says which archive is the layer of which key. Any thread.
class LayerExchange {
public:
  /// `scratch` is where archives are while they are made or read: on a disk with room for a layer.
  /// `notes` is where it is noted what is being put (NotedPut).
  LayerExchange(BlobStore& store, fs::path scratch, fs::path notes);

  /// False, and nothing done, when the store has the layer already. Error(corrupt) when the layer
  /// is not what was published.
  bool push(const Layer& layer, const CancelToken& cancel);

  /// The record of a layer; nothing when the store has none.
  std::optional<LayerRecord> find(const std::string& key, const CancelToken& cancel);

  /// Fills the empty directory with the layer's files. Error(corrupt) when they are not what the
  /// record says.
  void fetch(const LayerRecord& record, const fs::path& staging, const CancelToken& cancel);

  /// Links by which others may fetch these layers for so long. Error(not_found) for one that the
  /// store has not.
  StoreLinks links(const std::vector<std::string>& keys, std::chrono::seconds lifetime,
                   const CancelToken& cancel);

  /// The keys of all layers that the store has.
  std::vector<std::string> keys(const CancelToken& cancel);

private:
  BlobStore& m_store;
  fs::path m_scratch;
  fs::path m_notes;
};

}  // namespace nestbox
