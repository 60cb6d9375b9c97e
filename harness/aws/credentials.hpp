#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "harness/aws/variables.hpp"
#include "harness/base/clock.hpp"
#include "harness/base/http_client.hpp"
#include "harness/base/result.hpp"
#include "harness/base/secret.hpp"

namespace nestbox::aws {

/// Who we are to AWS.
struct Credentials {
  std::string key_id;
  Secret key;
  Secret token;  ///< of a session; empty for a lasting key
  std::optional<std::chrono::sys_seconds> expires;
  std::string origin;  ///< for a person: "the environment", "profile 'ci'", "instance role 'x'"

  bool operator==(const Credentials&) const = default;
};

/// From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Error(definition) when
/// only one of the first two is set.
Result<std::optional<Credentials>> environment_credentials(const Variables& variables);

/// From the profile files. Throws Error(definition) for a profile that AWS_PROFILE names and no
/// file has.
std::optional<Credentials> profile_credentials(const Variables& variables);

/// What the metadata service says of a role's credentials. Error(corrupt).
Result<Credentials> parse_role_credentials(std::string_view json, const std::string& role);

/// Finds credentials the way AWS tools do (environment, profile files, role of the instance by
/// IMDSv2), keeps them, and gets new ones before they expire. Any thread.
/// Source: "Use IMDSv2" and "Retrieve security credentials from instance metadata" in the EC2 user
/// guide; AWS_EC2_METADATA_SERVICE_ENDPOINT and AWS_EC2_METADATA_DISABLED as in the AWS CLI's.
class CredentialSource {
public:
  CredentialSource(Variables variables, HttpClient& http);

  /// Throws Error(unsupported) when there are none anywhere, saying where it looked.
  Credentials get(Deadline deadline, const CancelToken& cancel);

  /// The service says that these have expired: the next get() reads anew.
  void forget(const Credentials& expired);

  /// AWS_REGION, AWS_DEFAULT_REGION, the profile's, the instance's. Error(unsupported)
  /// when nobody names one.
  std::string region(Deadline deadline, const CancelToken& cancel);

private:
  std::optional<Credentials> role_credentials(Deadline deadline, const CancelToken& cancel);
  std::optional<std::string> metadata(const std::string& path, Deadline deadline,
                                      const CancelToken& cancel);

  const Variables m_variables;
  HttpClient& m_http;
  std::mutex m_mutex;
  std::optional<Credentials> m_known;  ///< guarded by m_mutex
};

}  // namespace nestbox::aws
