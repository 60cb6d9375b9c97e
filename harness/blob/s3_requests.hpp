#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/aws/client.hpp"
#include "harness/base/result.hpp"

namespace nestbox::s3 {

/// The requests that a store makes of S3, and what their replies say; all pure. `path` is an
/// object's, encoded: "/bucket/prefix/blobs/4e/4e07…".
/// Source: the Amazon S3 API reference, version 2006-03-01.
aws::Request head(const std::string& path);
aws::Request put(const std::string& path, std::string body);
aws::Request get(const std::string& path, std::uint64_t first, std::uint64_t count);
aws::Request get_whole(const std::string& path, Bytes limit);
aws::Request remove(const std::string& path);
/// The `bucket_path` is "/bucket" or "/"; `token` is that of the page before.
aws::Request list(const std::string& bucket_path, const std::string& prefix,
                  const std::string& token);

/// Each makes an upload of its own.
aws::Request begin_upload(const std::string& path);
aws::Request put_part(const std::string& path, const std::string& upload, int number,
                      std::string body);
aws::Request complete_upload(const std::string& path, const std::string& upload,
                             const std::vector<std::string>& tags);
aws::Request abort_upload(const std::string& path, const std::string& upload);
/// The first of those that are not ended, of objects whose keys begin so.
aws::Request list_uploads(const std::string& bucket_path, const std::string& prefix);

struct Page {
  std::vector<std::string> keys;
  std::string next_token;  ///< empty: the last page

  bool operator==(const Page&) const = default;
};

/// Error(corrupt).
Result<Page> parse_page(std::string_view xml);
Result<std::string> parse_upload(std::string_view xml);

struct Upload {
  std::string key;
  std::string id;

  bool operator==(const Upload&) const = default;
};
Result<std::vector<Upload>> parse_uploads(std::string_view xml);

/// How large each part of an upload of `size` is: of 16 MiB, or as much more as keeps them below
/// the 10,000 that S3 takes.
std::uint64_t part_size(std::uint64_t size);

}  // namespace nestbox::s3
