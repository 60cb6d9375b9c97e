#include "harness/aws/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <random>

#include "harness/base/hash.hpp"
#include "harness/base/log.hpp"

namespace nestbox::aws {
namespace {

using namespace std::chrono_literals;

// The services accept 15 minutes to either side.
constexpr auto k_tolerated_skew = 5min;

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// "Sat, 21 Nov 2026 15:43:00 GMT".
std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text) {
  std::tm time{};
  if (!::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time))
    return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&time)));
}

/// An S3 that has begun to answer with 200 can only put what goes wrong then into the body.
bool is_late_error(const HttpReply& reply) {
  return reply.body.size() < 4096 && reply.body.find("<Error>") != std::string::npos;
}

}  // namespace

Service service_of(const Variables& variables, const std::string& name, const std::string& region) {
  std::optional<std::string> endpoint = find(variables, "AWS_ENDPOINT_URL_" + upper_case(name));
  if (!endpoint)
    endpoint = find(variables, "AWS_ENDPOINT_URL");
  if (!endpoint)
    endpoint = fmt::format("https://{}.{}.amazonaws.com{}", name, region,
                           region.starts_with("cn-") ? ".cn" : "");
  while (endpoint->ends_with('/'))
    endpoint->pop_back();
  return {name, region, *endpoint};
}

Client::Client(Service service, CredentialSource& credentials, HttpClient& http, Backoff backoff)
    : m_service(std::move(service)), m_credentials(credentials), m_http(http), m_backoff(backoff) {}

HttpReply Client::send(const Request& request, const std::string& what, Deadline deadline,
                       const CancelToken& cancel) {
  Refusal refusal;
  return value_or_throw(try_send(request, what, refusal, deadline, cancel));
}

Result<HttpReply> Client::try_send(const Request& request, const std::string& what,
                                   Refusal& refusal, Deadline deadline, const CancelToken& cancel) {
  bool renewed = false;
  for (int attempt = 1;; ++attempt) {
    const bool last = attempt >= m_backoff.attempts;
    const Credentials credentials = m_credentials.get(deadline, cancel);
    try {
      HttpReply reply = m_http.send(signed_request(request, credentials), deadline, cancel);
      const bool late_error = reply.success() && request.method == "POST" && is_late_error(reply);
      if (reply.success() && !late_error) {
        if (!request.expected_size || reply.body.size() == *request.expected_size)
          return reply;
        throw Error(ErrorCode::io, fmt::format("{}: the reply broke off", what));
      }
      refusal = parse_refusal(late_error ? 500 : reply.status, reply.body);
      Verdict verdict = judge(refusal);
      if (verdict == Verdict::renew && !renewed) {
        renewed = true;
        if (!learn_clock(reply))
          m_credentials.forget(credentials);
        continue;
      }
      if (verdict != Verdict::again || last)
        return fail(to_error(refusal, what, credentials.origin));
    } catch (Error& error) {
      if (error.code != ErrorCode::io || last || request.once)
        throw error.during(what);
    }
    pause(attempt, deadline, cancel);
  }
}

SignedParts Client::parts_of(const Request& request) const {
  return {.method = request.method,
          .endpoint = m_service.endpoint,
          .path = request.path,
          .query = request.query,
          .headers = request.headers,
          .payload_digest = sha256(request.body),
          .region = m_service.region,
          .service = m_service.name,
          .time = now()};
}

HttpRequest Client::signed_request(const Request& request, const Credentials& credentials) const {
  HttpRequest http{.method = request.method,
                   .url = m_service.endpoint + request.path,
                   .headers = signing_headers(parts_of(request), credentials),
                   .body = request.body,
                   .limit = request.limit,
                   .once = request.once};
  if (!request.query.empty())
    http.url += "?" + canonical_query(request.query);
  for (const auto& [name, value] : request.headers)
    http.headers.push_back(fmt::format("{}: {}", name, value));
  return http;
}

std::string Client::presigned_link(const Request& request, std::chrono::seconds lifetime,
                                   Deadline deadline, const CancelToken& cancel) {
  return value_or_throw(
      aws::presigned_link(parts_of(request), lifetime, m_credentials.get(deadline, cancel)));
}

std::chrono::sys_seconds Client::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
         + std::chrono::seconds(m_skew);
}

/// Whether the reply shows that our clock is wrong; requests are dated by the service's then.
bool Client::learn_clock(const HttpReply& reply) {
  const std::optional<std::chrono::sys_seconds> theirs = parse_http_date(reply.header("date"));
  if (!theirs)
    return false;
  const std::chrono::seconds ahead =
      *theirs - std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (std::chrono::abs(ahead - std::chrono::seconds(m_skew)) < k_tolerated_skew)
    return false;
  m_skew = ahead.count();
  log(LogLevel::warning,
      fmt::format("the clock of this host differs from that of AWS by {}; requests are dated by "
                  "theirs",
                  format_duration(std::chrono::abs(ahead))));
  return true;
}

void Client::pause(int attempt, Deadline deadline, const CancelToken& cancel) const {
  const auto ceiling =
      std::min(m_backoff.longest, m_backoff.first * (1 << std::min(attempt - 1, 20)));
  thread_local std::mt19937_64 random{std::random_device()()};
  const std::chrono::milliseconds length(
      std::uniform_int_distribution<std::int64_t>(0, ceiling.count())(random));
  if (wait_readable(-1, earlier(deadline, Deadline::after(length)), cancel) == Wait::cancelled)
    cancel.throw_if_cancelled();
  if (deadline.passed())
    throw Error(ErrorCode::timeout,
                fmt::format("AWS service '{}' did not do it in time", m_service.name));
}

}  // namespace nestbox::aws
