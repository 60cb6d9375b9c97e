#include "harness/aws/credentials.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/aws/encoding.hpp"
#include "harness/aws/profile_file.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox::aws {
namespace {

using namespace std::chrono_literals;

constexpr auto k_renewed_before_end = 5min;
constexpr auto k_metadata_limit = 2s;
constexpr const char* k_metadata_endpoint = "http://169.254.169.254";
constexpr const char* k_role_path = "/latest/meta-data/iam/security-credentials/";
constexpr const char* k_region_path = "/latest/meta-data/placement/region";

/// Elsewhere nobody answers at the metadata service's address, and it takes seconds to notice.
bool is_ec2_instance() {
  const auto says = [](const char* file, std::string_view word) {
    const Result<std::string> text = catch_error([&] { return read_file(file, kibibytes(4)); });
    return text && text->starts_with(word);
  };
  return says("/sys/class/dmi/id/sys_vendor", "Amazon EC2") || says("/sys/hypervisor/uuid", "ec2");
}

bool is_fresh(const Credentials& credentials) {
  return !credentials.expires
         || *credentials.expires - k_renewed_before_end > std::chrono::system_clock::now();
}

Error no_credentials(const Variables& variables) {
  return Error(
      ErrorCode::unsupported,
      fmt::format("no AWS credentials: not in the environment, not in profile '{}', and no "
                  "instance role",
                  find(variables, "AWS_PROFILE").value_or("default")),
      "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials");
}

}  // namespace

Result<std::optional<Credentials>> environment_credentials(const Variables& variables) {
  const std::optional<std::string> key_id = find(variables, "AWS_ACCESS_KEY_ID");
  const std::optional<std::string> key = find(variables, "AWS_SECRET_ACCESS_KEY");
  if (!key_id && !key)
    return std::nullopt;
  if (!key_id || !key)
    return fail(ErrorCode::definition,
                fmt::format("{} is set, but {} is not",
                            key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                            key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID"),
                "set both, or neither");
  return Credentials{*key_id, Secret(*key),
                     Secret(find(variables, "AWS_SESSION_TOKEN").value_or("")), std::nullopt,
                     "the environment"};
}

std::optional<Credentials> profile_credentials(const Variables& variables) {
  const Profile profile = read_profile(variables);
  if (!profile.found && profile.named)
    throw Error(ErrorCode::definition, fmt::format("there is no AWS profile '{}'", profile.name),
                "AWS_PROFILE names a section of ~/.aws/config or ~/.aws/credentials");
  const auto setting = [&](const char* name) {
    const auto found = profile.settings.find(name);
    return found == profile.settings.end() ? std::string() : found->second;
  };
  const std::string key_id = setting("aws_access_key_id");
  const std::string key = setting("aws_secret_access_key");
  if (key_id.empty() || key.empty())
    return std::nullopt;
  return Credentials{key_id, Secret(key), Secret(setting("aws_session_token")), std::nullopt,
                     fmt::format("profile '{}'", profile.name)};
}

Result<Credentials> parse_role_credentials(std::string_view json, const std::string& role) {
  const nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  try {
    const std::string expires = document.at("Expiration");
    Credentials credentials{
        document.at("AccessKeyId"), Secret(document.at("SecretAccessKey").get<std::string>()),
        Secret(document.at("Token").get<std::string>()), parse_timestamp(expires),
        fmt::format("instance role '{}'", printable(role))};
    if (credentials.expires && !credentials.key_id.empty())
      return credentials;
  } catch (const nlohmann::json::exception&) {
    // Said below, without the document's text.
  }
  return fail(
      ErrorCode::corrupt,
      fmt::format("the metadata service gives no credentials of role '{}'", printable(role)));
}

CredentialSource::CredentialSource(Variables variables, HttpClient& http)
    : m_variables(std::move(variables)), m_http(http) {}

Credentials CredentialSource::get(Deadline deadline, const CancelToken& cancel) {
  std::lock_guard lock(m_mutex);
  if (m_known && is_fresh(*m_known))
    return *m_known;
  std::optional<Credentials> found = value_or_throw(environment_credentials(m_variables));
  if (!found)
    found = profile_credentials(m_variables);
  if (!found)
    found = role_credentials(deadline, cancel);
  if (!found)
    throw no_credentials(m_variables);
  m_known = found;
  return *found;
}

void CredentialSource::forget(const Credentials& expired) {
  std::lock_guard lock(m_mutex);
  if (m_known == expired)
    m_known.reset();
}

std::string CredentialSource::region(Deadline deadline, const CancelToken& cancel) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    if (const std::optional<std::string> region = find(m_variables, name))
      return *region;
  const Profile profile = read_profile(m_variables);
  if (const auto region = profile.settings.find("region"); region != profile.settings.end())
    return region->second;
  if (const std::optional<std::string> region = metadata(k_region_path, deadline, cancel))
    return std::string(trim(*region));
  throw Error(ErrorCode::unsupported, "no AWS region is known",
              "set AWS_REGION, for example to eu-central-1");
}

std::optional<Credentials> CredentialSource::role_credentials(Deadline deadline,
                                                              const CancelToken& cancel) {
  const std::optional<std::string> listed = metadata(k_role_path, deadline, cancel);
  if (!listed)
    return std::nullopt;
  const std::string role(trim(split(*listed, '\n').front()));
  const std::optional<std::string> document =
      metadata(k_role_path + uri_encode(role), deadline, cancel);
  if (role.empty() || !document)
    return std::nullopt;
  return value_or_throw(parse_role_credentials(*document, role));
}

/// Nothing when there is no metadata service, or nothing at that path of it.
std::optional<std::string> CredentialSource::metadata(const std::string& path, Deadline deadline,
                                                      const CancelToken& cancel) {
  if (find(m_variables, "AWS_EC2_METADATA_DISABLED") == "true")
    return std::nullopt;
  const std::optional<std::string> given = find(m_variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (!given && !is_ec2_instance())
    return std::nullopt;
  const std::string endpoint = given.value_or(k_metadata_endpoint);
  const auto ask = [&](std::string method, const std::string& where, std::string header) {
    return m_http.send({.method = std::move(method),
                        .url = endpoint + where,
                        .headers = {std::move(header)},
                        .limit = kibibytes(64),
                        .proxied = false,
                        .connect_limit = k_metadata_limit},
                       earlier(deadline, Deadline::after(2 * k_metadata_limit)), cancel);
  };
  try {
    const HttpReply token =
        ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600");
    if (!token.success())
      return std::nullopt;
    HttpReply reply =
        ask("GET", path, fmt::format("X-aws-ec2-metadata-token: {}", trim(token.body)));
    if (!reply.success())
      return std::nullopt;
    return std::move(reply.body);
  } catch (const Error& error) {
    if (error.code == ErrorCode::cancelled)
      throw;
    return std::nullopt;
  }
}

}  // namespace nestbox::aws
