#pragma once

#include "harness/blob/blob_store.hpp"

namespace nestbox {

/// For as long as it lives a blob, and what is stored with it, may be half-done in a store: that is
/// noted in a folder (base/note.hpp), for reap_puts to find when we are killed.
class NotedPut {
public:
  /// The store outlives it. Throws Error(io).
  NotedPut(BlobStore& store, const BlobId& id, const fs::path& notes);
  NotedPut(const NotedPut&) = delete;
  NotedPut& operator=(const NotedPut&) = delete;
  /// Abandons the blob (BlobStore::abandon) unless it is done; the note stays when that fails.
  ~NotedPut();

  void done() { m_done = true; }

private:
  BlobStore& m_store;
  const BlobId m_id;
  const fs::path m_note;
  bool m_done = false;
};

/// One whose process was killed.
struct UnfinishedPut {
  std::string blob;
  std::string store;     ///< as open_blob_store takes it
  std::string owner;     ///< to_string(Owner)
  std::string failed{};  ///< why it could not be ended; empty: it is, or was not to be
};

/// Finds what is noted and nobody owns any more, and ends it (BlobStore::abandon) unless `dry_run`.
/// Throws Error(io), Error(cancelled).
std::vector<UnfinishedPut> reap_puts(const fs::path& notes, bool dry_run, Deadline deadline,
                                     const CancelToken& cancel);

}  // namespace nestbox
