#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "harness/aws/client.hpp"
#include "harness/aws/xml_tree.hpp"
#include "harness/base/text.hpp"

namespace nestbox::aws {
namespace {

constexpr std::size_t k_longest_message = 1000;

using Codes = std::set<std::string_view>;

const Codes k_expired = {"ExpiredToken", "RequestExpired", "ExpiredTokenException",
                         "RequestTimeTooSkewed", "RequestInTheFuture"};
const Codes k_refused = {
    "AuthFailure",  "SignatureDoesNotMatch", "InvalidClientTokenId",      "InvalidAccessKeyId",
    "InvalidToken", "UnrecognizedClient",    "MissingAuthenticationToken"};
const Codes k_forbidden = {"UnauthorizedOperation", "AccessDenied", "OptInRequired", "Blocked"};
const Codes k_quota = {"InstanceLimitExceeded",        "VcpuLimitExceeded",
                       "MaxSpotInstanceCountExceeded", "AddressLimitExceeded",
                       "SecurityGroupLimitExceeded",   "ResourceCountExceeded",
                       "VolumeLimitExceeded",          "SnapshotLimitExceeded"};
const Codes k_capacity = {"InsufficientInstanceCapacity", "InsufficientHostCapacity",
                          "InsufficientReservedInstanceCapacity", "SpotMaxPriceTooLow",
                          "InsufficientCapacity"};
const Codes k_busy = {"RequestLimitExceeded",
                      "Throttling",
                      "ThrottlingException",
                      "SlowDown",
                      "InternalError",
                      "InternalFailure",
                      "ServiceUnavailable",
                      "Unavailable",
                      "RequestTimeout",
                      "OperationAborted",
                      "EC2ThrottledException",
                      "BadDigest",
                      "XAmzContentSHA256Mismatch"};

}  // namespace

Refusal parse_refusal(int status, std::string_view body) {
  Refusal refusal{status, fmt::format("HTTP {}", status), {}};
  const Result<XmlElement> document = parse_xml(body);
  if (!document)
    return refusal;
  const XmlElement* error = document->name == "Error" ? &*document : nullptr;
  if (const XmlElement* errors = document->find("Errors"))
    error = errors->find("Error");
  if (!error)
    return refusal;
  if (const std::string code = error->at("Code"); !code.empty())
    refusal.code = printable(code.substr(0, k_longest_message));
  refusal.message = printable(error->at("Message").substr(0, k_longest_message));
  return refusal;
}

Verdict judge(const Refusal& refusal) {
  if (k_expired.contains(refusal.code))
    return Verdict::renew;
  // Capacity is a matter of the zone and the type: others are tried before the same again.
  if (k_capacity.contains(refusal.code))
    return Verdict::final;
  if (k_busy.contains(refusal.code) || refusal.status >= 500)
    return Verdict::again;
  return Verdict::final;
}

Error to_error(const Refusal& refusal, const std::string& what, const std::string& origin) {
  const std::string said = refusal.message.empty()
                               ? refusal.code
                               : fmt::format("{} ({})", refusal.message, refusal.code);
  const auto error = [&](std::string_view cause, std::string hint) {
    return Error(ErrorCode::infrastructure, fmt::format("{}: {}: {}", what, cause, said),
                 std::move(hint));
  };
  const std::string& code = refusal.code;
  if (k_expired.contains(code))
    return error(fmt::format("the AWS credentials of {} have expired", origin),
                 "log in again, and see that the clock of this host is right");
  if (k_refused.contains(code))
    return error(fmt::format("AWS refuses the credentials of {}", origin),
                 "check the key id, the key and the region");
  if (k_forbidden.contains(code))
    return error(fmt::format("the credentials of {} may not do that", origin),
                 "docs/drivers/ec2.md lists what must be allowed");
  if (k_quota.contains(code))
    return error("a quota of the AWS account is used up",
                 "run fewer machines at once ('max_machines'), or ask AWS for more");
  if (k_capacity.contains(code))
    return error("AWS has no such machine to give now",
                 "allow more instance types, or another zone, or on-demand instead of spot");
  if (k_busy.contains(code) || refusal.status >= 500)
    return error("AWS is too busy, still after several attempts", "try again later");
  if (code.ends_with("NotFound") || code.starts_with("NoSuch"))
    return Error(ErrorCode::not_found, fmt::format("{}: {}", what, said));
  return Error(ErrorCode::infrastructure, fmt::format("{}: {}", what, said));
}

}  // namespace nestbox::aws
