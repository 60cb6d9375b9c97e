#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/aws/credentials.hpp"
#include "harness/aws/encoding.hpp"

namespace nestbox::aws {

/// What of a request is signed. `path` is encoded and sent as it is; `headers` are all that are
/// signed but for those that signing adds.
struct SignedParts {
  std::string method = "GET";
  std::string endpoint;  ///< "https://bucket.s3.eu-central-1.amazonaws.com"
  std::string path = "/";
  Fields query{};
  Fields headers{};
  std::string payload_digest;  ///< SHA-256 of the body
  std::string region;
  std::string service;
  std::chrono::sys_seconds time;
};

/// The headers that sign the request, "Name: value": Authorization and what it covers besides
/// SignedParts::headers. Pure.
/// Source: "AWS Signature Version 4 for API requests" in the IAM user guide.
std::vector<std::string> signing_headers(const SignedParts& parts, const Credentials& credentials);

/// A link that lets whoever has it make the request, without `headers`, for so long. Pure.
/// Error(usage) for a lifetime that the services refuse: less than a second, more than a week.
/// Source: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" in the S3
/// API reference.
Result<std::string> presigned_link(const SignedParts& parts, std::chrono::seconds lifetime,
                                   const Credentials& credentials);

}  // namespace nestbox::aws
