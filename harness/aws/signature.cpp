#include "harness/aws/signature.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/base/units.hpp"

namespace nestbox::aws {
namespace {

constexpr auto k_longest_link = std::chrono::hours(24 * 7);
constexpr const char* k_algorithm = "AWS4-HMAC-SHA256";

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {digest.begin(), digest.begin() + size};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string scope_of(const SignedParts& parts) {
  return fmt::format("{}/{}/{}/aws4_request", timestamp(parts.time).substr(0, 8), parts.region,
                     parts.service);
}

/// With the headers that are signed in their canonical order, and their names.
struct CanonicalHeaders {
  std::string lines;
  std::string names;  ///< "host;range;x-amz-date"
};

CanonicalHeaders canonical_headers(const SignedParts& parts, Fields headers) {
  headers.emplace_back("host", parts.endpoint.substr(parts.endpoint.find("://") + 3));
  for (auto& [name, value] : headers)
    name = lower_case(name);
  std::ranges::sort(headers);
  CanonicalHeaders canonical;
  for (const auto& [name, value] : headers) {
    canonical.lines += fmt::format("{}:{}\n", name, trim(value));
    canonical.names += (canonical.names.empty() ? "" : ";") + name;
  }
  return canonical;
}

std::string signature(const SignedParts& parts, const std::string& query,
                      const CanonicalHeaders& headers, std::string_view payload,
                      const Credentials& credentials) {
  const std::string request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", parts.method, parts.path, query,
                                          headers.lines, headers.names, payload);
  const std::string stamp = timestamp(parts.time);
  std::string key = "AWS4" + credentials.key.reveal();
  for (const std::string& part : split(scope_of(parts), '/'))
    key = hmac(key, part);
  return hex(hmac(
      key, fmt::format("{}\n{}\n{}\n{}", k_algorithm, stamp, scope_of(parts), sha256(request))));
}

}  // namespace

std::vector<std::string> signing_headers(const SignedParts& parts, const Credentials& credentials) {
  Fields added = {{"X-Amz-Content-Sha256", parts.payload_digest},
                  {"X-Amz-Date", timestamp(parts.time)}};
  if (!credentials.token.empty())
    added.emplace_back("X-Amz-Security-Token", credentials.token.reveal());
  Fields all = parts.headers;
  all.insert(all.end(), added.begin(), added.end());
  const CanonicalHeaders headers = canonical_headers(parts, std::move(all));
  std::vector<std::string> lines;
  for (const auto& [name, value] : added)
    lines.push_back(fmt::format("{}: {}", name, value));
  lines.push_back(fmt::format(
      "Authorization: {} Credential={}/{},SignedHeaders={},Signature={}", k_algorithm,
      credentials.key_id, scope_of(parts), headers.names,
      signature(parts, canonical_query(parts.query), headers, parts.payload_digest, credentials)));
  return lines;
}

Result<std::string> presigned_link(const SignedParts& parts, std::chrono::seconds lifetime,
                                   const Credentials& credentials) {
  if (lifetime < std::chrono::seconds(1) || lifetime > k_longest_link)
    return fail(ErrorCode::usage,
                fmt::format("a link cannot last for {}", format_duration(lifetime)),
                "at least a second, at most a week");
  Fields fields = parts.query;
  fields.emplace_back("X-Amz-Algorithm", k_algorithm);
  fields.emplace_back("X-Amz-Credential", credentials.key_id + "/" + scope_of(parts));
  fields.emplace_back("X-Amz-Date", timestamp(parts.time));
  fields.emplace_back("X-Amz-Expires", std::to_string(lifetime.count()));
  fields.emplace_back("X-Amz-SignedHeaders", "host");
  if (!credentials.token.empty())
    fields.emplace_back("X-Amz-Security-Token", credentials.token.reveal());
  const std::string query = canonical_query(fields);
  return fmt::format(
      "{}{}?{}&X-Amz-Signature={}", parts.endpoint, parts.path, query,
      signature(parts, query, canonical_headers(parts, {}), "UNSIGNED-PAYLOAD", credentials));
}

}  // namespace nestbox::aws
