#include "harness/blob/blob_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/blob/linked_blob_store.hpp"
#include "harness/blob/local_blob_store.hpp"
#include "harness/blob/s3_blob_store.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_longest_name = 256;

bool is_part(const std::string& part) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !part.empty() && !part.starts_with('.') && std::ranges::all_of(part, allowed);
}

}  // namespace

BlobId blob_id(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error)
    throw Error(ErrorCode::io, fmt::format("cannot read '{}': {}", file.string(), error.message()));
  return {sha256_file(file), {size}};
}

std::string blob_path(const BlobId& id) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (id.digest.size() != 64 || !std::ranges::all_of(id.digest, is_digit))
    throw Error(ErrorCode::usage, fmt::format("'{}' is no digest", printable(id.digest)));
  return fmt::format("blobs/{}/{}", id.digest.substr(0, 2), id.digest);
}

std::string record_path(const std::string& name) {
  if (name.size() > k_longest_name || !std::ranges::all_of(split(name, '/'), is_part))
    throw Error(ErrorCode::usage, fmt::format("'{}' cannot name a record", printable(name)));
  return "records/" + name;
}

std::unique_ptr<BlobStore> open_blob_store(const std::string& location) {
  if (location.starts_with("s3://"))
    return std::make_unique<S3BlobStore>(value_or_throw(parse_s3_location(location)),
                                         aws::variables_of_this_process());
  if (location.empty() || location.find("://") != location.npos)
    throw Error(ErrorCode::usage, fmt::format("'{}' names no store", printable(location)),
                "write a folder, s3://bucket/prefix, or a file of links");
  std::error_code ignored;
  if (fs::is_regular_file(location, ignored))
    return std::make_unique<LinkedBlobStore>(location);
  return std::make_unique<LocalBlobStore>(location);
}

}  // namespace nestbox
