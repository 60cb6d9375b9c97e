#pragma once

#include "harness/blob/blob_store.hpp"

namespace nestbox {

/// A folder, perhaps on a network filesystem. Everything is written beside its place, fsynced and
/// renamed; what a kill left half-written is swept by the next user. Presigned links are file://
/// ones and end when the blob does.
class LocalBlobStore final : public BlobStore {
public:
  /// Made when absent. Throws Error(io).
  explicit LocalBlobStore(const fs::path& root);

  std::string description() const override { return m_root.string(); }
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
  fs::path m_root;
};

}  // namespace nestbox
