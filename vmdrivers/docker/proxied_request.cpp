#include "vmdrivers/docker/proxied_request.hpp"

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

constexpr std::uint64_t k_body_limit = 4 << 20;

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

std::string forwarded_head(const ProxiedRequest& request, const std::string& target,
                           HttpVersion version) {
  std::string head = request.method + " " + target
                     + (version == HttpVersion::current ? " HTTP/1.1" : " HTTP/1.0")
                     + "\r\nHost: docker\r\n";
  for (const auto& [name, value] : request.headers)
    head += name + ": " + value + "\r\n";
  return head + "Connection: close\r\n\r\n";
}

struct RequestBody::State {
  http::request_parser<http::string_body> parser;
  std::string pending;  ///< that the parser would see more of first

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
        return fail(no_request(error));
    }
    return {};
  }
};

RequestBody::RequestBody(std::string_view head) : m_state(std::make_unique<State>()) {
  m_state->parser.header_limit(k_request_head_limit);
  m_state->parser.body_limit(k_body_limit);
  m_state->parser.eager(true);
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

}  // namespace nestbox::docker
