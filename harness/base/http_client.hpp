#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// One request: a plain value.
struct HttpRequest {
  std::string method = "GET";
  std::string url{};                   ///< http:// or https://
  std::vector<std::string> headers{};  ///< "Name: value"
  std::string body{};                  ///< sent with its length
  /// Instead of `body`: fills the buffer and says with how much, 0 at the end; sent in chunks.
  /// Called on the thread of the caller of send().
  std::function<std::size_t(char* buffer, std::size_t size)> source{};
  /// Takes the body of a successful (2xx) reply in pieces, which is not kept then nor bounded;
  /// called on the thread of the caller of send(). What it throws ends the request and is thrown.
  std::function<void(std::string_view)> sink{};
  Bytes limit = mebibytes(16);          ///< of the reply's body that is kept
  std::filesystem::path unix_socket{};  ///< connect to it, whatever host the url names
  bool proxied = true;                  ///< by what http_proxy and its kin say
  bool once = false;                    ///< over a new connection: see HttpClient
  std::chrono::milliseconds connect_limit = std::chrono::seconds(30);
};

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers{};  ///< names in lower case; the last of each name
  std::string body{};

  bool success() const { return status >= 200 && status < 300; }
  /// Empty when it is absent; `name` in lower case.
  std::string header(const std::string& name) const;
};

/// Speaks HTTP by libcurl. Connections are kept and used again; any thread, several requests at
/// once. No redirect is followed. Nothing is sent twice but what a kept connection was closed under
/// without a word of reply: to try again otherwise is the caller's.
class HttpClient {
public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Blocks until the whole reply is there, whatever its status. Throws Error(io) when the server
  /// cannot be reached or breaks off, Error(timeout), Error(cancelled), Error(corrupt) when the
  /// reply is larger than its limit or no HTTP. Errors name the server, never path or query.
  HttpReply send(const HttpRequest& request, Deadline deadline, const CancelToken& cancel = {});

private:
  struct Handle;
  std::unique_ptr<Handle> take();
  void give_back(std::unique_ptr<Handle> handle);

  std::mutex m_mutex;
  std::vector<std::unique_ptr<Handle>> m_idle;  ///< guarded by m_mutex
};

}  // namespace nestbox
