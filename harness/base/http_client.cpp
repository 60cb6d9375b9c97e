#include "harness/base/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>

#include "harness/base/error.hpp"
#include "harness/base/shared_library.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

// Most runs send no request, and libcurl brings twenty libraries along.
constinit const SharedLibrary k_libcurl("libcurl.so.4", "libcurl4");
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_cleanup);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_getinfo);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_init);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_reset);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_setopt);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_easy_strerror);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_global_init);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_add_handle);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_cleanup);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_info_read);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_init);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_perform);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_poll);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_multi_remove_handle);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_slist_append);
NESTBOX_LAZY_FUNCTION(k_libcurl, curl_slist_free_all);

constexpr std::size_t k_idle_kept = 8;
constexpr std::size_t k_header_limit = 64 << 10;

void initialise_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw Error(ErrorCode::io, "libcurl cannot be initialised");
}

/// "http://127.0.0.1:80", or the socket: what an error may say of a request.
std::string server_of(const HttpRequest& request) {
  if (!request.unix_socket.empty())
    return request.unix_socket.string();
  const std::size_t scheme = request.url.find("://");
  const std::size_t start = scheme == request.url.npos ? 0 : scheme + 3;
  return request.url.substr(0, request.url.find_first_of("/?#", start));
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// One request under way: what libcurl's callbacks are given.
struct Exchange {
  const HttpRequest& request;
  CURL* easy;
  HttpReply reply{};
  std::size_t header_bytes = 0;
  bool too_large = false;
  std::exception_ptr thrown{};  ///< by a callback, which must not throw into C

  bool success() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
  }

  bool take_body(std::string_view piece) {
    if (request.sink && success()) {
      request.sink(piece);
      return true;
    }
    too_large = reply.body.size() + piece.size() > request.limit.count;
    if (!too_large)
      reply.body += piece;
    return !too_large;
  }

  bool take_header(std::string_view line) {
    if (line.starts_with("HTTP/"))
      reply.headers.clear();  // a 100 Continue came before
    header_bytes += line.size();
    too_large = header_bytes > k_header_limit;
    const std::size_t colon = line.find(':');
    if (!too_large && colon != line.npos)
      reply.headers[lower_case(std::string(trim(line.substr(0, colon))))] =
          trim(line.substr(colon + 1));
    return !too_large;
  }
};

template <class Function>
std::size_t guarded(Exchange& exchange, std::size_t failure, Function&& function) {
  try {
    return function();
  } catch (...) {
    exchange.thrown = std::current_exception();
    return failure;
  }
}

std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  return guarded(exchange, 0, [&]() -> std::size_t {
    return exchange.take_body({bytes, count}) ? count : 0;
  });
}

std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  return guarded(exchange, 0, [&]() -> std::size_t {
    return exchange.take_header({bytes, count}) ? count : 0;
  });
}

std::size_t on_source(char* buffer, std::size_t, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  return guarded(exchange, CURL_READFUNC_ABORT,
                 [&] { return exchange.request.source(buffer, count); });
}

using HeaderList =
    std::unique_ptr<curl_slist, decltype([](curl_slist* list) { curl_slist_free_all(list); })>;

HeaderList header_list(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const std::string& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    if (!longer)
      throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

void set_body(CURL* easy, const HttpRequest& request) {
  if (request.source) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_source);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_options(CURL* easy, const HttpRequest& request, curl_slist* headers, Exchange& exchange) {
  curl_easy_reset(easy);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "nestbox/" NESTBOX_VERSION);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request.connect_limit.count()));
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request.once ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
  if (!request.unix_socket.empty())
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (!request.unix_socket.empty() || !request.proxied)
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  set_body(easy, request);
}

Error failure(const HttpRequest& request, CURLcode code) {
  const std::string server = server_of(request);
  switch (code) {
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
    return Error(ErrorCode::usage, fmt::format("'{}' is no http or https address", server));
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
    return Error(ErrorCode::corrupt, fmt::format("'{}' does not answer with HTTP", server));
  case CURLE_OPERATION_TIMEDOUT:
    return Error(ErrorCode::io, fmt::format("cannot reach '{}': it takes too long", server));
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return Error(ErrorCode::io,
                 fmt::format("cannot reach '{}': {}", server, curl_easy_strerror(code)));
  default:
    return Error(ErrorCode::io, fmt::format("the exchange with '{}' broke off: {}", server,
                                            curl_easy_strerror(code)));
  }
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

/// A multi handle keeps its connections, so each easy handle has one of its own for life.
struct HttpClient::Handle {
  std::unique_ptr<CURLM, decltype([](CURLM* multi) { curl_multi_cleanup(multi); })> multi{
      curl_multi_init()};
  std::unique_ptr<CURL, decltype([](CURL* easy) { curl_easy_cleanup(easy); })> easy{
      curl_easy_init()};

  /// Until the exchange has ended: how.
  CURLcode run(const HttpRequest& request, Deadline deadline, const CancelToken& cancel) {
    int running = 1;
    while (true) {
      curl_multi_perform(multi.get(), &running);
      if (running == 0)
        break;
      cancel.throw_if_cancelled();
      if (deadline.passed())
        throw Error(ErrorCode::timeout,
                    fmt::format("'{}' did not answer in time", server_of(request)));
      curl_waitfd cancelled = {cancel.descriptor(), CURL_WAIT_POLLIN, 0};
      const int longest = deadline.poll_timeout();
      curl_multi_poll(multi.get(), &cancelled, cancel.descriptor() >= 0 ? 1 : 0,
                      longest < 0 ? 60'000 : std::min(longest, 60'000), nullptr);
    }
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi.get(), &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
  }
};

HttpClient::HttpClient() {
  initialise_once();
}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::take() {
  {
    std::lock_guard lock(m_mutex);
    if (!m_idle.empty()) {
      std::unique_ptr<Handle> handle = std::move(m_idle.back());
      m_idle.pop_back();
      return handle;
    }
  }
  auto handle = std::make_unique<Handle>();
  if (!handle->multi || !handle->easy)
    throw std::bad_alloc();
  return handle;
}

void HttpClient::give_back(std::unique_ptr<Handle> handle) {
  std::lock_guard lock(m_mutex);
  if (m_idle.size() < k_idle_kept)
    m_idle.push_back(std::move(handle));
}

HttpReply HttpClient::send(const HttpRequest& request, Deadline deadline,
                           const CancelToken& cancel) {
  std::unique_ptr<Handle> handle = take();
  CURL* easy = handle->easy.get();
  Exchange exchange{request, easy};
  const HeaderList headers = header_list(request.headers);
  set_options(easy, request, headers.get(), exchange);
  curl_multi_add_handle(handle->multi.get(), easy);
  CURLcode code = CURLE_OK;
  {
    const ScopeExit detach([&] { curl_multi_remove_handle(handle->multi.get(), easy); });
    code = handle->run(request, deadline, cancel);
  }
  if (exchange.thrown)
    std::rethrow_exception(exchange.thrown);
  if (exchange.too_large)
    throw Error(ErrorCode::corrupt, fmt::format("the reply of '{}' is larger than {}",
                                                server_of(request), format_bytes(request.limit)));
  if (code != CURLE_OK)
    throw failure(request, code);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  exchange.reply.status = static_cast<int>(status);
  // Nothing secret outlives the request in a handle that waits.
  curl_easy_reset(easy);
  give_back(std::move(handle));
  return std::move(exchange.reply);
}

}  // namespace nestbox
