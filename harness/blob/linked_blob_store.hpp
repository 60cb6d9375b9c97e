#pragma once

#include <map>
#include <string>
#include <string_view>

#include "harness/base/http_client.hpp"
#include "harness/blob/blob_store.hpp"

namespace nestbox {

/// A part of a store for whoever has no credentials for it: records as they are, and a link for
/// each of their blobs. Whoever has it may read these for as long as the links live: a secret.
struct StoreLinks {
  std::map<std::string, std::string> records;  ///< by name
  std::map<std::string, std::string> blobs;    ///< links by digest: http:// or https://

  bool operator==(const StoreLinks&) const = default;
};

/// The text of a file of links (JSON, version 1), and back. Error(corrupt) for what is none, or
/// names what no store could hold.
std::string to_json(const StoreLinks& links);
Result<StoreLinks> parse_store_links(std::string_view text);

/// What such a file gives access to. It cannot be changed: those calls throw Error(unsupported).
class LinkedBlobStore final : public BlobStore {
public:
  /// Throws Error(io), Error(corrupt).
  explicit LinkedBlobStore(fs::path file);

  std::string description() const override { return m_file.string(); }
  bool has(const BlobId& id, Deadline deadline, const CancelToken& cancel) override;
  void put(const BlobId& id, const fs::path& file, Deadline deadline,
           const CancelToken& cancel) override;
  void abandon(const BlobId& id, Deadline deadline, const CancelToken& cancel) override;
  void get(const BlobId& id, const fs::path& destination, Deadline deadline,
           const CancelToken& cancel) override;
  void remove(const BlobId& id, Deadline deadline, const CancelToken& cancel) override;
  std::string presigned_link(const BlobId& id, std::chrono::seconds lifetime, Deadline deadline,
                             const CancelToken& cancel) override;
  void put_record(const std::string& name, std::string_view text, Deadline deadline,
                  const CancelToken& cancel) override;
  std::optional<std::string> record(const std::string& name, Deadline deadline,
                                    const CancelToken& cancel) override;
  std::vector<std::string> records(const std::string& prefix, Deadline deadline,
                                   const CancelToken& cancel) override;
  void remove_record(const std::string& name, Deadline deadline,
                     const CancelToken& cancel) override;

private:
  [[noreturn]] void refuse() const;
  const std::string& link(const BlobId& id) const;

  fs::path m_file;
  StoreLinks m_links;
  HttpClient m_http;
};

}  // namespace nestbox
