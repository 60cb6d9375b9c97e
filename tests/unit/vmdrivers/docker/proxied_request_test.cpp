#include "vmdrivers/docker/proxied_request.hpp"

#include <gtest/gtest.h>

namespace nestbox::docker {
namespace {

TEST(ProxiedRequest, IsReadAndSentOnWithoutWhatIsOfItsConnection) {
  const auto request = parse_request("POST /v1.41/build?t=x HTTP/1.1\r\nHost: h\r\n"
                                     "Connection: keep-alive\r\nX-Registry-Config: e30=\r\n"
                                     "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->target, "/v1.41/build?t=x");
  EXPECT_TRUE(request->expects_continue);
  EXPECT_FALSE(request->upgrade);
  EXPECT_EQ(forwarded_head(*request, "/v1.40/build"),
            "POST /v1.40/build HTTP/1.1\r\nHost: docker\r\nX-Registry-Config: e30=\r\n"
            "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
}

TEST(ProxiedRequest, MayHaveABodyOfAnySize) {
  const auto request =
      parse_request("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->headers.back(),
            (std::pair<std::string, std::string>("Content-Length", "100000000000")));
}

TEST(ProxiedRequest, KnowsWhoWantsAStream) {
  const auto request = parse_request("POST /exec/e0/start HTTP/1.1\r\nHost: h\r\n"
                                     "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->upgrade);
}

TEST(ProxiedRequest, IsRefusedWhenItIsNone) {
  for (const char* bad :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"})
    EXPECT_FALSE(parse_request(bad)) << bad;
}

TEST(RequestBody, IsPutTogetherHoweverItIsFramed) {
  RequestBody sized("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
  for (const char* piece : {"he", "l", "lo"}) {
    EXPECT_FALSE(sized.done());
    EXPECT_TRUE(sized.feed(piece));
  }
  EXPECT_TRUE(sized.done());
  EXPECT_EQ(sized.bytes(), "hello");

  RequestBody chunked("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char byte : std::string("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"))
    EXPECT_TRUE(chunked.feed({&byte, 1}));
  EXPECT_TRUE(chunked.done());
  EXPECT_EQ(chunked.bytes(), "hello");

  EXPECT_TRUE(RequestBody("POST / HTTP/1.1\r\n\r\n").done());
}

TEST(RequestBody, IsTakenAsItComes) {
  RequestBody body("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(body.feed("3\r\nhel\r\n"));
  EXPECT_EQ(body.take(), "hel");
  EXPECT_TRUE(body.feed("2\r\nlo\r\n0\r\n\r\n"));
  EXPECT_EQ(body.take(), "lo");
  EXPECT_TRUE(body.done());
}

TEST(ProxiedRequest, IsGivenItsBodyInOtherChunks) {
  const auto request = parse_request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(forwarded_head(rechunked(*request), "/"),
            "POST / HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(chunk("hello world, hello"), "12\r\nhello world, hello\r\n");
  EXPECT_EQ(chunk(""), "");
}

TEST(UnframedReply, HasItsBodyInOnePiece) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
  const std::string whole = head + "Connection: close\r\n\r\nhello";
  for (const std::string& framed :
       {head + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        head + "Content-Length: 5\r\n\r\nhello", head + "\r\nhello"}) {
    UnframedReply reply;
    std::string taken;
    for (const char byte : framed) {
      const Result<std::string> next = reply.take({&byte, 1});
      ASSERT_TRUE(next) << next.error().message;
      taken += *next;
    }
    EXPECT_EQ(taken, whole);
  }
  EXPECT_FALSE(UnframedReply().take("SSH-2.0\r\n\r\n"));
}

TEST(RequestBody, IsRefusedWhenItIsTooMuchOrUnsound) {
  RequestBody unsound("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_FALSE(unsound.feed("zz\r\n"));
  RequestBody large("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_FALSE(large.feed("500000\r\n" + std::string(0x500000, 'x') + "\r\n0\r\n\r\n"));
}

}  // namespace
}  // namespace nestbox::docker
