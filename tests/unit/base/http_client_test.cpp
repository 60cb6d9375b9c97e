#include "harness/base/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// A server on a unix socket that takes one connection after another, reads one request of each
/// and answers `reply`; an empty one is never given.
class OneReply {
public:
  explicit OneReply(std::string reply) : m_reply(std::move(reply)) {
    m_socket = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(m_socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0
        || ::listen(m_socket.get(), 8) != 0)
      throw system_error("cannot listen", errno);
    m_thread = std::thread([this] { serve(); });
  }

  ~OneReply() {
    m_stop.cancel();
    m_thread.join();
  }

  fs::path path() const { return m_folder.path() / "socket"; }

private:
  void serve() {
    while (wait_readable(m_socket.get(), Deadline::never(), m_stop.token()) == Wait::ready) {
      const FileDescriptor peer(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char buffer[4096];
      while (m_request.find("\r\n\r\n") == std::string::npos) {
        if (wait_readable(peer.get(), Deadline::never(), m_stop.token()) != Wait::ready)
          return;
        const ssize_t count = ::read(peer.get(), buffer, sizeof buffer);
        if (count <= 0)
          break;
        m_request.append(buffer, static_cast<std::size_t>(count));
      }
      if (m_reply.empty())
        wait_readable(m_stop.token().descriptor(), Deadline::never());
      else if (::write(peer.get(), m_reply.data(), m_reply.size()) < 0)
        return;
      m_request.clear();
    }
  }

  const std::string m_reply;
  TemporaryDirectory m_folder;
  FileDescriptor m_socket;
  CancelSource m_stop;
  std::string m_request;
  std::thread m_thread;
};

constexpr char k_hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: a\r\n\r\nhello";

class HttpClientTest : public testing::Test {
protected:
  static HttpRequest to(const OneReply& server) {
    return {.url = "http://engine/path?secret=hunter2", .unix_socket = server.path()};
  }
  Result<HttpReply> send(const HttpRequest& request, Deadline deadline = Deadline::after(2min),
                         const CancelToken& cancel = {}) {
    return catch_error([&] { return m_client.send(request, deadline, cancel); });
  }

  HttpClient m_client;
};

TEST_F(HttpClientTest, GivesStatusHeadersAndBody) {
  const OneReply server(k_hello);
  const HttpReply reply = send(to(server)).value();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.header("x-kind"), "a");
  EXPECT_EQ(reply.header("x-other"), "");
}

TEST_F(HttpClientTest, HandsTheBodyOnInPieces) {
  const OneReply server(k_hello);
  HttpRequest request = to(server);
  std::string body;
  request.sink = [&](std::string_view piece) { body += piece; };
  EXPECT_EQ(send(request).value().body, "");
  EXPECT_EQ(body, "hello");
}

TEST_F(HttpClientTest, ThrowsWhatTheTakerOfTheBodyThrew) {
  const OneReply server(k_hello);
  HttpRequest request = to(server);
  request.sink = [](std::string_view) { throw Error(ErrorCode::lost, "full"); };
  EXPECT_EQ(send(request).error().code, ErrorCode::lost);
}

TEST_F(HttpClientTest, BoundsWhatItKeeps) {
  const OneReply server(k_hello);
  HttpRequest request = to(server);
  request.limit = {4};
  EXPECT_EQ(send(request).error().code, ErrorCode::corrupt);
}

TEST_F(HttpClientTest, RefusesWhatIsNoHttp) {
  const OneReply server("SSH-2.0-OpenSSH\r\n");
  EXPECT_FALSE(send(to(server)));
}

TEST_F(HttpClientTest, SaysWhoIsNotThereButNotWhatWasAsked) {
  HttpRequest request{.url = "http://engine/path?secret=hunter2", .unix_socket = "/nonexistent"};
  const Error error = send(request).error();
  EXPECT_EQ(error.code, ErrorCode::io);
  EXPECT_THAT(error.message, HasSubstr("'/nonexistent'"));
  EXPECT_THAT(error.render(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(send({.url = "file:///etc/passwd"}).error().code, ErrorCode::usage);
}

TEST_F(HttpClientTest, WaitsNoLongerThanItMay) {
  const OneReply server("");
  EXPECT_EQ(send(to(server), Deadline::after(20ms)).error().code, ErrorCode::timeout);
  CancelSource source;
  source.cancel();
  EXPECT_EQ(send(to(server), Deadline::after(2min), source.token()).error().code,
            ErrorCode::cancelled);
}

}  // namespace
}  // namespace nestbox
