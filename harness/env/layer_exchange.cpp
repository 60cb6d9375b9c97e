#include "harness/env/layer_exchange.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/base/staged_path.hpp"
#include "harness/base/text.hpp"
#include "harness/blob/noted_put.hpp"
#include "harness/env/layer_archive.hpp"

namespace nestbox {
namespace {

using json = nlohmann::json;

constexpr int k_version = 1;
constexpr const char* k_prefix = "layers/";
// Of one request to the store or one archive; large layers take as long as they need.
constexpr auto k_record_limit_time = std::chrono::minutes(2);
constexpr auto k_archive_limit_time = std::chrono::hours(6);

}  // namespace

std::string to_json(const LayerRecord& record) {
  return json{{"version", k_version},
              {"archive", {{"digest", record.archive.digest}, {"size", record.archive.size.count}}},
              {"manifest", to_json(record.manifest)}}
             .dump()
         + "\n";
}

Result<LayerRecord> parse_layer_record(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  try {
    if (document.at("version") != k_version)
      return fail(ErrorCode::corrupt,
                  fmt::format("the record of a layer has version {}", document["version"].dump()),
                  "a newer nestbox wrote it");
    Result<LayerManifest> manifest =
        parse_manifest(document.at("manifest").get_ref<const std::string&>());
    if (!manifest)
      return fail(manifest.error());
    LayerRecord record{std::move(*manifest),
                       {document.at("archive").at("digest").get<std::string>(),
                        {document.at("archive").at("size").get<std::uint64_t>()}}};
    if (to_json(record) == text)
      return record;
  } catch (const json::exception&) {
    // Said below.
  }
  return fail(ErrorCode::corrupt, "the record of a layer cannot be read");
}

LayerExchange::LayerExchange(BlobStore& store, fs::path scratch, fs::path notes)
    : m_store(store), m_scratch(std::move(scratch)), m_notes(std::move(notes)) {
  sweep_staged(m_scratch);
}

bool LayerExchange::push(const Layer& layer, const CancelToken& cancel) {
  const LayerManifest manifest = value_or_throw(read_manifest(layer.directory()));
  if (const std::optional<LayerRecord> there = find(layer.key(), cancel);
      there && there->manifest.content() == manifest.content()
      && m_store.has(there->archive, Deadline::after(k_record_limit_time), cancel))
    return false;
  const StagedPath archive(m_scratch);
  pack_layer(layer.directory(), manifest, archive.path(), cancel);
  const LayerRecord record{manifest, blob_id(archive.path())};
  NotedPut put(m_store, record.archive, m_notes);
  m_store.put(record.archive, archive.path(), Deadline::after(k_archive_limit_time), cancel);
  // Last: a record that can be read has its archive.
  m_store.put_record(k_prefix + layer.key(), to_json(record), Deadline::after(k_record_limit_time),
                     cancel);
  put.done();
  return true;
}

std::optional<LayerRecord> LayerExchange::find(const std::string& key, const CancelToken& cancel) {
  const std::optional<std::string> text =
      m_store.record(k_prefix + key, Deadline::after(k_record_limit_time), cancel);
  if (!text)
    return std::nullopt;
  Result<LayerRecord> record = parse_layer_record(*text);
  if (!record)
    throw record.error().during(
        fmt::format("reading layer '{}' of '{}'", key.substr(0, 12), m_store.description()));
  return std::move(*record);
}

void LayerExchange::fetch(const LayerRecord& record, const fs::path& staging,
                          const CancelToken& cancel) {
  const StagedPath archive(m_scratch);
  m_store.get(record.archive, archive.path(), Deadline::after(k_archive_limit_time), cancel);
  unpack_layer(archive.path(), record.manifest, staging, cancel);
}

StoreLinks LayerExchange::links(const std::vector<std::string>& keys, std::chrono::seconds lifetime,
                                const CancelToken& cancel) {
  StoreLinks links;
  for (const std::string& key : keys) {
    const std::optional<LayerRecord> record = find(key, cancel);
    if (!record)
      throw Error(ErrorCode::not_found,
                  fmt::format("'{}' has no layer '{}'", m_store.description(), key.substr(0, 12)),
                  "push it first: 'nestbox cache push'");
    links.records.emplace(k_prefix + key, to_json(*record));
    links.blobs.emplace(record->archive.digest,
                        m_store.presigned_link(record->archive, lifetime,
                                               Deadline::after(k_record_limit_time), cancel));
  }
  return links;
}

std::vector<std::string> LayerExchange::keys(const CancelToken& cancel) {
  std::vector<std::string> keys;
  for (const std::string& name :
       m_store.records(k_prefix, Deadline::after(k_record_limit_time), cancel))
    keys.push_back(name.substr(std::string_view(k_prefix).size()));
  return keys;
}

}  // namespace nestbox
