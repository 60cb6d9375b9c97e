#pragma once

#include <string>
#include <string_view>

#include "harness/aws/client.hpp"
#include "harness/blob/blob_store.hpp"

namespace nestbox {

struct S3Location {
  std::string bucket;
  std::string prefix;  ///< without '/' at its ends; may be empty

  bool operator==(const S3Location&) const = default;
};

/// "s3://bucket/some/prefix". Error(usage) for a bucket that S3 would not have.
Result<S3Location> parse_s3_location(std::string_view text);

/// A bucket of S3, or of a service that speaks like it (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL).
/// Blobs above 16 MiB go up in parts and all come down in ranges, so that a broken connection costs
/// one of them; what came down is hashed before it is believed. Region and credentials as AWS tools
/// find them.
class S3BlobStore final : public BlobStore {
public:
  S3BlobStore(S3Location location, aws::Variables variables, aws::Backoff backoff = {});

  std::string description() const override;
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
  aws::Client& client(Deadline deadline, const CancelToken& cancel);
  std::string key(const std::string& below) const;
  std::string object_path(const std::string& below) const;
  std::string bucket_path() const;
  std::string begin_upload(const BlobId& id, Deadline deadline, const CancelToken& cancel);
  bool put_in_parts(const BlobId& id, int file, Deadline deadline, const CancelToken& cancel);

  const S3Location m_location;
  const aws::Variables m_variables;
  const aws::Backoff m_backoff;
  const bool m_path_style;  ///< "/bucket/key" rather than "bucket.host/key"
  HttpClient m_http;
  aws::CredentialSource m_credentials;
  std::mutex m_mutex;
  std::unique_ptr<aws::Client> m_client;  ///< made when the region is first needed
};

}  // namespace nestbox
