#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// What names a blob: its content.
struct BlobId {
  std::string digest;  ///< SHA-256, 64 lower-case hex digits
  Bytes size;

  bool operator==(const BlobId&) const = default;
};

/// The id of a file's content. Throws Error(io).
BlobId blob_id(const fs::path& file);

/// Where files are kept by their content, and small texts by name: a folder, or a bucket. Below
/// its root, `blobs/4e/4e07…` and `records/NAME`, whatever the store is, so that one can be copied
/// into another by any tool. Any thread, and any number of hosts at once. All calls block, and
/// throw Error(io), Error(infrastructure), Error(timeout), Error(cancelled).
class BlobStore {
public:
  virtual ~BlobStore() = default;

  /// "s3://bucket/prefix", "/srv/nestbox".
  virtual std::string description() const = 0;

  virtual bool has(const BlobId& id, Deadline deadline, const CancelToken& cancel) = 0;

  /// Keeps the file's content; nothing to do when it is there already. Whole or not at all.
  virtual void put(const BlobId& id, const fs::path& file, Deadline deadline,
                   const CancelToken& cancel) = 0;
  /// Ends what puts of this blob have left half-done. A put that still goes on begins anew.
  virtual void abandon(const BlobId& id, Deadline deadline, const CancelToken& cancel) = 0;

  /// Writes it to `destination`, which must not exist. Nothing is there after an error:
  /// Error(not_found), Error(corrupt) when what came is not the blob.
  virtual void get(const BlobId& id, const fs::path& destination, Deadline deadline,
                   const CancelToken& cancel) = 0;

  virtual void remove(const BlobId& id, Deadline deadline, const CancelToken& cancel) = 0;

  /// A link from which whoever has it may read the blob for so long, at most a week.
  virtual std::string presigned_link(const BlobId& id, std::chrono::seconds lifetime,
                                     Deadline deadline, const CancelToken& cancel) = 0;

  /// Keeps a text of at most 1 MiB by name, in the place of a former one.
  virtual void put_record(const std::string& name, std::string_view text, Deadline deadline,
                          const CancelToken& cancel) = 0;
  /// Nothing when there is none.
  virtual std::optional<std::string> record(const std::string& name, Deadline deadline,
                                            const CancelToken& cancel) = 0;
  /// The names that begin so, sorted; at most a million.
  virtual std::vector<std::string> records(const std::string& prefix, Deadline deadline,
                                           const CancelToken& cancel) = 0;
  virtual void remove_record(const std::string& name, Deadline deadline,
                             const CancelToken& cancel) = 0;
};

/// The store that a user names: "s3://BUCKET[/PREFIX]", a file of links (linked_blob_store.hpp),
/// else a folder, made when absent. Error(usage) for what is neither.
std::unique_ptr<BlobStore> open_blob_store(const std::string& location);

inline constexpr Bytes k_record_limit = mebibytes(1);

/// Where things lie below a store's root. Error(usage) for a name that is not made of lower-case
/// letters, digits, '-', '_', '.' and '/', or has an empty or hidden part.
std::string blob_path(const BlobId& id);
std::string record_path(const std::string& name);

}  // namespace nestbox
