#include "vmdrivers/docker/proxied_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>

#include "harness/base/error.hpp"

namespace nestbox::docker {
namespace {

namespace http = boost::beast::http;

/// Of this connection alone, or said anew.
constexpr std::array k_not_forwarded = {http::field::host,       http::field::connection,
                                        http::field::keep_alive, http::field::proxy_connection,
                                        http::field::te,         http::field::upgrade};

std::string text(boost::beast::string_view view) {
  return {view.data(), view.size()};
}

Error no_request(const boost::system::error_code& why) {
  return Error(ErrorCode::corrupt, "no HTTP request: " + why.message());
}

}  // namespace

Result<ProxiedRequest> parse_request(std::string_view head) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(k_request_head_limit);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  boost::system::error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error && error != http::error::need_more)
    return fail(no_request(error));
  if (!parser.is_header_done())
    return fail(ErrorCode::corrupt, "no HTTP request: it has no end");
  const auto& message = parser.get();
  ProxiedRequest request{.method = text(message.method_string()), .target = text(message.target())};
  for (const auto& field : message) {
    if (std::ranges::find(k_not_forwarded, field.name()) == k_not_forwarded.end()
        || field.name() == http::field::unknown)
      request.headers.emplace_back(text(field.name_string()), text(field.value()));
  }
  request.upgrade = parser.upgrade();
  request.expects_continue = boost::beast::iequals(message[http::field::expect], "100-continue");
  return request;
}

ProxiedRequest rechunked(ProxiedRequest request) {
  std::erase_if(request.headers, [](const auto& header) {
    return boost::beast::iequals(header.first, "content-length")
           || boost::beast::iequals(header.first, "transfer-encoding")
           || boost::beast::iequals(header.first, "expect");
  });
  request.headers.emplace_back("Transfer-Encoding", "chunked");
  return request;
}

std::string chunk(std::string_view bytes) {
  return bytes.empty() ? std::string() : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string forwarded_head(const ProxiedRequest& request, const std::string& target) {
  std::string head = request.method + " " + target + " HTTP/1.1\r\nHost: docker\r\n";
  for (const auto& [name, value] : request.headers)
    head += name + ": " + value + "\r\n";
  return head + "Connection: close\r\n\r\n";
}

/// Feeds what has come to a parser, and keeps what that would see more of first.
template <bool is_request>
struct BodyParser {
  http::parser<is_request, http::string_body> parser;
  std::string pending;

  explicit BodyParser(std::uint64_t limit) {
    parser.header_limit(k_request_head_limit);
    parser.body_limit(limit);
    parser.eager(true);
  }

  Result<void> feed(std::string_view bytes) {
    pending += bytes;
    while (!pending.empty() && !parser.is_done()) {
      boost::system::error_code error;
      const std::size_t used =
          parser.put(boost::asio::const_buffer(pending.data(), pending.size()), error);
      pending.erase(0, used);
      if (error == http::error::need_more || (!error && used == 0))
        return {};
      if (error)
        return fail(ErrorCode::corrupt, "this is no HTTP: " + error.message());
    }
    return {};
  }

  std::string take() { return std::exchange(parser.get().body(), {}); }
};

struct RequestBody::State : BodyParser<true> {
  using BodyParser::BodyParser;
};

struct UnframedReply::State : BodyParser<false> {
  using BodyParser::BodyParser;
  bool begun = false;
};

RequestBody::RequestBody(std::string_view head, std::uint64_t limit)
    : m_state(std::make_unique<State>(limit)) {
  // Parsed once already, by parse_request.
  static_cast<void>(m_state->feed(head));
}

RequestBody::~RequestBody() = default;

Result<void> RequestBody::feed(std::string_view bytes) {
  return m_state->feed(bytes);
}

bool RequestBody::done() const {
  return m_state->parser.is_done();
}

const std::string& RequestBody::bytes() const {
  return m_state->parser.get().body();
}

std::string RequestBody::take() {
  return m_state->take();
}

UnframedReply::UnframedReply()
    : m_state(std::make_unique<State>(std::numeric_limits<std::uint64_t>::max())) {}

UnframedReply::~UnframedReply() = default;

Result<std::string> UnframedReply::take(std::string_view bytes) {
  if (const Result<void> fed = m_state->feed(bytes); !fed)
    return fail(fed.error());
  std::string out;
  if (m_state->parser.is_header_done() && !std::exchange(m_state->begun, true)) {
    const auto& head = m_state->parser.get();
    out =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nConnection: close\r\n\r\n",
                    head.result_int(), text(head.reason()), text(head[http::field::content_type]));
  }
  return out + m_state->take();
}

}  // namespace nestbox::docker
