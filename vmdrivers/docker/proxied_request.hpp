#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/result.hpp"

namespace nestbox::docker {

/// The head of a request that a client sent, as far as it matters to who passes it on.
struct ProxiedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< of the request, in their order
  bool upgrade = false;                                        ///< it wants a stream
  bool expects_continue = false;  ///< it waits before it sends its body

  bool operator==(const ProxiedRequest&) const = default;
};

/// At most this much of a head is taken.
inline constexpr std::size_t k_request_head_limit = 64 * 1024;

/// `head`: up to and with the empty line. Error(corrupt) for what is no HTTP/1 request.
Result<ProxiedRequest> parse_request(std::string_view head);

/// The same with a body in chunks, which may be of another length.
ProxiedRequest rechunked(ProxiedRequest request);

/// `bytes` as one chunk; empty without any, for an empty one is the last.
std::string chunk(std::string_view bytes);

/// What is sent on in its stead: `target` in the place of its own, and a connection that ends with
/// the reply.
std::string forwarded_head(const ProxiedRequest& request, const std::string& target);

/// The body of a request, put together however it is framed.
class RequestBody {
public:
  /// `limit`: of all of it, in bytes.
  explicit RequestBody(std::string_view head, std::uint64_t limit = 4 << 20);
  ~RequestBody();

  /// Error(corrupt) for unsound framing, or too much.
  Result<void> feed(std::string_view bytes);
  bool done() const;
  const std::string& bytes() const;
  /// The same, and they are forgotten: what comes next follows them.
  std::string take();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

/// A reply whose body ends with its connection, whatever its framing was: it may be changed then.
class UnframedReply {
public:
  UnframedReply();
  ~UnframedReply();

  /// What goes on now that `bytes` have come. Error(corrupt) for what is no reply.
  Result<std::string> take(std::string_view bytes);

private:
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace nestbox::docker
