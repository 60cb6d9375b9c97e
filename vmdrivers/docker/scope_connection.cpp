#include "vmdrivers/docker/scope_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <memory>

#include "harness/base/error.hpp"
#include "harness/base/unix_socket.hpp"
#include "vmdrivers/docker/build_archive.hpp"
#include "vmdrivers/docker/container_removal.hpp"
#include "vmdrivers/docker/hijacked_stream.hpp"
#include "vmdrivers/docker/outgoing_bytes.hpp"
#include "vmdrivers/docker/proxied_request.hpp"
#include "vmdrivers/docker/query.hpp"
#include "vmdrivers/docker/scope_lookup.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A client that has connected says what it wants, and an engine answers what it need not wait
/// for: or it is forgotten.
constexpr auto k_request_time = 120s;

/// Gives a stream of text the test's names.
class StreamNames {
public:
  explicit StreamNames(const Scope& scope) : m_scope(scope) {}

  std::string take(std::string_view bytes) {
    std::string text = unscoped_text(std::exchange(m_rest, {}) + std::string(bytes), m_scope);
    // What the next bytes may make a name of ours waits for them.
    const std::string prefix = m_scope.prefix();
    std::size_t held = std::min(prefix.size() - 1, text.size());
    while (!text.ends_with(std::string_view(prefix).substr(0, held)))
      --held;
    m_rest = text.substr(text.size() - held);
    text.resize(text.size() - held);
    return text;
  }

private:
  const Scope& m_scope;
  std::string m_rest;
};

class Connection {
public:
  Connection(Engine& engine, const Scope& scope, FileDescriptor client, CancelToken cancel)
      : m_engine(engine), m_scope(scope), m_client(std::move(client)), m_cancel(std::move(cancel)),
        m_lookup(engine_lookup(engine, scope, m_cancel)) {}

  void serve(const std::function<void(const ScopeVerdict&)>& prepare) {
    if (!read_head())
      return;
    const Result<ProxiedRequest> request = parse_request(m_head);
    if (!request)
      return answer_error(400, request.error().message);
    try {
      answer(*request, prepare);
    } catch (const Error& error) {
      if (error.code != ErrorCode::cancelled)
        answer_error(error.code == ErrorCode::not_found ? 404 : 500, error.message);
    } catch (const std::exception& error) {
      answer_error(500, std::string("nestbox: ") + error.what());
    }
  }

private:
  using Edit = std::function<std::string(std::string_view)>;

  void answer(const ProxiedRequest& request,
              const std::function<void(const ScopeVerdict&)>& prepare) {
    const std::string_view target = without_version(request.target);
    json body;
    if (body_decides(request.method, target)) {
      body = json::parse(read_body(request), nullptr, false);
      if (body.is_discarded())
        body = json();
    }
    const ScopeVerdict verdict = decide(m_scope, request.method, target, body, m_lookup);
    prepare(verdict);
    switch (verdict.kind) {
    case ScopeVerdict::Kind::refuse:
      return answer_error(verdict.status, verdict.reason);
    case ScopeVerdict::Kind::ping:
      return answer_ping(request);
    case ScopeVerdict::Kind::answer:
      return reply_document(200, verdict.body.value_or(json()));
    case ScopeVerdict::Kind::rewrite:
      return rewrite(request, verdict);
    case ScopeVerdict::Kind::prune:
      return prune(verdict.target);
    case ScopeVerdict::Kind::build:
      return build(request, verdict.target);
    case ScopeVerdict::Kind::stream:
      return relay_stream(request, verdict.target);
    case ScopeVerdict::Kind::relay:
      return request.upgrade && request.method == "POST" ? upgrade(request, verdict.target)
                                                         : relay(request, verdict.target);
    }
  }

  std::string versioned(const std::string& target) {
    return m_engine.version_prefix(Deadline::after(k_request_time), m_cancel) + target;
  }

  void answer_ping(const ProxiedRequest& request) {
    const std::string version = versioned("").substr(2);
    reply(200, "text/plain", request.method == "HEAD" ? "" : "OK",
          "Api-Version: " + version + "\r\nBuilder-Version: 1\r\nOSType: linux\r\n");
  }

  /// Not to be cancelled: what the engine makes after all would be found by nobody.
  void rewrite(const ProxiedRequest& request, const ScopeVerdict& verdict) {
    const HttpReply answered =
        m_engine.ask({.method = request.method, .path = verdict.target, .body = verdict.body},
                     Deadline::after(k_request_time));
    json document = json::parse(answered.body, nullptr, false);
    if (document.is_discarded())
      return reply(answered.status, "application/json", "");
    reply_document(answered.status, unscoped(std::move(document), m_scope));
  }

  void prune(const std::string& list) {
    json deleted = json::array();
    for (const json& entry :
         m_engine.call({.path = list}, Deadline::after(k_request_time), m_cancel)) {
      const std::string id = id_of(entry);
      value_or_throw(remove_container(m_engine, id, Deadline::after(k_request_time), m_cancel));
      deleted.push_back(id);
    }
    reply_document(200, {{"ContainersDeleted", deleted}, {"SpaceReclaimed", 0}});
  }

  /// Only what becomes a stream may be one: whatever else came behind its head would be a request
  /// that nobody has judged.
  void upgrade(const ProxiedRequest& request, const std::string& target) {
    const std::string body = read_body(request);
    const HijackedStream stream = hijack(m_engine.socket(), versioned(target),
                                         Deadline::after(k_request_time), m_cancel, body);
    send(stream.head);
    join(stream.connection, {}, as_it_is);
  }

  void relay(const ProxiedRequest& request, const std::string& target) {
    const FileDescriptor engine = connect_to_path(m_engine.socket());
    join(engine, forwarded_head(request, versioned(target)) + m_rest, as_it_is);
  }

  void relay_stream(const ProxiedRequest& request, const std::string& target) {
    const FileDescriptor engine = connect_to_path(m_engine.socket());
    join(engine, forwarded_head(request, versioned(target)), named_stream());
  }

  /// Answers with the test's names.
  Edit named_stream() const {
    return [names = std::make_shared<StreamNames>(m_scope),
            reply = std::make_shared<UnframedReply>()](std::string_view bytes) {
      return names->take(value_or_throw(reply->take(bytes)));
    };
  }

  void build(const ProxiedRequest& request, const std::string& target) {
    const std::string dockerfile = Query(target).get("dockerfile");
    BuildArchive archive(
        dockerfile.empty() ? "Dockerfile" : dockerfile,
        [this](const std::string& image) { return m_lookup.image(image).value_or(image); });
    RequestBody body(m_head, std::numeric_limits<std::uint64_t>::max());
    bool ended = false;
    const auto edit = [&](std::string_view bytes) {
      value_or_throw(body.feed(bytes));
      const std::string out = chunk(archive.take(body.take()));
      if (!body.done() || std::exchange(ended, true))
        return out;
      return out + chunk(archive.finish()) + "0\r\n\r\n";
    };
    if (request.expects_continue && !body.done())
      send("HTTP/1.1 100 Continue\r\n\r\n");
    const FileDescriptor engine = connect_to_path(m_engine.socket());
    const std::string head = forwarded_head(rechunked(request), versioned(target));
    join(engine, head + edit(std::exchange(m_rest, {})), named_stream(), edit);
  }

  static std::string as_it_is(std::string_view bytes) { return std::string(bytes); }

  /// Hands bytes to and fro until the engine is done. `answers` makes what the client is given,
  /// `questions` what the engine is.
  void join(const FileDescriptor& engine, const std::string& first, const Edit& answers,
            const Edit& questions = as_it_is) {
    ::fcntl(engine.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(m_client.get(), F_SETFL, O_NONBLOCK);
    OutgoingBytes to_engine(engine.get());
    OutgoingBytes to_client(m_client.get());
    to_engine.add(first);
    bool client_open = true;
    Piece buffer;
    while (true) {
      pollfd entries[] = {relay_entry(engine.get(), to_engine, to_client),
                          relay_entry(client_open ? m_client.get() : -1, to_client, to_engine),
                          {m_cancel.descriptor(), POLLIN, 0}};
      if (!client_open && !to_client.empty())
        entries[1] = {m_client.get(), POLLOUT, 0};
      if (::poll(entries, std::size(entries), -1) < 0 && errno != EINTR)
        return;
      if (entries[2].revents)
        return;
      if (entries[0].revents && to_client.empty()) {
        const auto bytes = read_some(engine.get(), buffer);
        if (!bytes)
          return;
        to_client.add(answers(*bytes));
      }
      if (entries[1].revents && to_engine.empty() && client_open) {
        const auto bytes = read_some(m_client.get(), buffer);
        if (bytes) {
          to_engine.add(questions(*bytes));
        } else {
          client_open = false;
          ::shutdown(engine.get(), SHUT_WR);
        }
      }
      if (!to_client.flush() || !to_engine.flush())
        return;
    }
  }

  bool read_head() {
    const Deadline deadline = Deadline::after(k_request_time);
    while (m_head.size() < k_request_head_limit) {
      const auto bytes = receive(deadline);
      if (bytes.empty())
        return false;
      const std::size_t before = m_head.size();
      m_head += bytes;
      const std::size_t end = m_head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
      if (end != m_head.npos) {
        m_rest = m_head.substr(end + 4);
        m_head.resize(end + 4);
        return true;
      }
    }
    answer_error(431, "nestbox: the request's head is too large");
    return false;
  }

  std::string read_body(const ProxiedRequest& request) {
    RequestBody body(m_head);
    const Deadline deadline = Deadline::after(k_request_time);
    if (request.expects_continue && !body.done())
      send("HTTP/1.1 100 Continue\r\n\r\n");
    value_or_throw(body.feed(std::exchange(m_rest, {})));
    while (!body.done()) {
      const std::string bytes = receive(deadline);
      if (bytes.empty())
        throw Error(ErrorCode::corrupt, "the request breaks off");
      value_or_throw(body.feed(bytes));
    }
    return body.bytes();
  }

  /// Empty at the end of the connection, or when its time is over.
  std::string receive(Deadline deadline) {
    Piece buffer;
    if (wait_readable(m_client.get(), deadline, m_cancel) != Wait::ready)
      return {};
    const auto bytes = read_some(m_client.get(), buffer);
    return bytes ? std::string(*bytes) : std::string();
  }

  void answer_error(int status, const std::string& message) {
    reply_document(status, {{"message", message}});
  }

  void reply_document(int status, const json& document) {
    reply(status, "application/json",
          document.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  void reply(int status, const char* type, const std::string& body, const std::string& more = {}) {
    const bool empty = status == 204 || status == 304;
    send(fmt::format(
        "HTTP/1.1 {} {}\r\n{}{}Connection: close\r\n\r\n{}", status,
        status < 400 ? "OK" : "Refused", more,
        empty ? "" : fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size()),
        empty ? "" : body));
  }

  void send(std::string_view bytes) {
    const Deadline deadline = Deadline::after(k_request_time);
    while (!bytes.empty()) {
      const ssize_t count = ::send(m_client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) {
        if (wait_writable(m_client.get(), deadline, m_cancel) != Wait::ready)
          return;
      } else if (count < 0 && errno != EINTR) {
        return;
      } else if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      }
    }
  }

  Engine& m_engine;
  const Scope& m_scope;
  FileDescriptor m_client;
  CancelToken m_cancel;
  ScopeLookup m_lookup;
  std::string m_head;
  std::string m_rest;  ///< what came behind the head already
};

}  // namespace

void serve_scoped(Engine& engine, const Scope& scope, FileDescriptor client,
                  const std::function<void(const ScopeVerdict&)>& prepare,
                  const CancelToken& cancel) {
  Connection(engine, scope, std::move(client), cancel).serve(prepare);
}

}  // namespace nestbox::docker
