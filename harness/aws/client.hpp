#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "harness/aws/credentials.hpp"
#include "harness/aws/encoding.hpp"
#include "harness/aws/signature.hpp"
#include "harness/base/http_client.hpp"

namespace nestbox::aws {

/// A request to a service, before it is signed: a plain value, made by pure functions.
struct Request {
  std::string method = "GET";
  std::string path = "/";  ///< encoded already
  Fields query{};
  Fields headers{};
  std::string body{};
  Bytes limit = mebibytes(16);  ///< of the reply
  /// How large the body of a good reply is, as far as the caller knows; another is taken for one
  /// that broke off.
  std::optional<std::uint64_t> expected_size{};
  /// Not sent again when nobody knows whether it was done.
  bool once = false;

  bool operator==(const Request&) const = default;
};

/// What a service said of a request that it did not do.
struct Refusal {
  int status = 0;
  std::string code;     ///< "RequestLimitExceeded"
  std::string message;  ///< the service's own words

  bool operator==(const Refusal&) const = default;
};

/// The <Error> of a reply's body, S3's form or EC2's; without one the code is "HTTP 503".
Refusal parse_refusal(int status, std::string_view body);

/// What to do about it.
enum class Verdict {
  final,  ///< nothing: tell the user
  again,  ///< the service is busy or stumbled; later it may do it
  renew,  ///< the credentials have expired, or our clock is wrong
};
Verdict judge(const Refusal& refusal);

/// The Error for a refusal that is final: what happened in the user's terms, and what to do. Who
/// was refused is said by `origin` (Credentials::origin).
Error to_error(const Refusal& refusal, const std::string& what, const std::string& origin);

/// How often, and how long apart, a request is sent again: after a random time between nothing and
/// `first`, doubled each time, at most `longest` ("full jitter").
struct Backoff {
  std::chrono::milliseconds first{200};
  std::chrono::milliseconds longest{20'000};
  int attempts = 10;
};

/// Which service, where.
struct Service {
  std::string name;  ///< "ec2", "s3"
  std::string region;
  std::string endpoint;  ///< "https://ec2.eu-central-1.amazonaws.com", without a '/' at its end
};

/// AWS_ENDPOINT_URL_EC2 (or the service's name), AWS_ENDPOINT_URL, else the region's own.
Service service_of(const Variables& variables, const std::string& name, const std::string& region);

/// Signs requests, sends them, and sends again what failed for a while. Requests that may not be
/// done twice, without a ClientToken and with another end each time, say so (`once`). Any thread.
class Client {
public:
  Client(Service service, CredentialSource& credentials, HttpClient& http, Backoff backoff = {});

  /// A successful reply. Throws to_error() of a final refusal, else Error(io), Error(timeout),
  /// Error(cancelled); `what` ("starting an instance") is for the message.
  HttpReply send(const Request& request, const std::string& what, Deadline deadline,
                 const CancelToken& cancel);

  /// As send, but a final refusal is handed back.
  Result<HttpReply> try_send(const Request& request, const std::string& what, Refusal& refusal,
                             Deadline deadline, const CancelToken& cancel);

  /// A link that lets whoever has it make the request, but for its headers and body, for so long.
  /// Error(usage) for more than a week.
  std::string presigned_link(const Request& request, std::chrono::seconds lifetime,
                             Deadline deadline, const CancelToken& cancel);

  const Service& service() const { return m_service; }

private:
  SignedParts parts_of(const Request& request) const;
  HttpRequest signed_request(const Request& request, const Credentials& credentials) const;
  std::chrono::sys_seconds now() const;
  bool learn_clock(const HttpReply& reply);
  void pause(int attempt, Deadline deadline, const CancelToken& cancel) const;

  const Service m_service;
  CredentialSource& m_credentials;
  HttpClient& m_http;
  const Backoff m_backoff;
  std::atomic<std::int64_t> m_skew = 0;  ///< seconds by which the service's clock is ahead of ours
};

}  // namespace nestbox::aws
